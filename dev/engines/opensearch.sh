# shellcheck shell=bash disable=SC2034,SC2154
# OpenSearch: the whole distribution but for its security plugin, with Korean analysis.
variable=TEST_OPENSEARCH_URL
inner_port=9200

in_container() {
  # The image lacks Korean analysis, and a plugin that is there cannot be installed again.
  local start='[ -d plugins/analysis-nori ] || bin/opensearch-plugin install --batch analysis-nori
    exec ./opensearch-docker-entrypoint.sh opensearch'
  launch=(-e discovery.type=single-node -e DISABLE_SECURITY_PLUGIN=true -e 'OPENSEARCH_JAVA_OPTS=-Xms1g -Xmx2g'
    -e cluster.routing.allocation.disk.threshold_enabled=false -e search.keep_alive_interval=1s
    opensearchproject/opensearch:3.8.0 bash -c "$start")
}

find_programs() {
  jdk=$(jdk_home)
  jars=$(maven_jars "$root/dev/engines/opensearch.pom.xml")
}

# The collector as the distribution sets it: it begins early, else the circuit breaker, which goes by the whole heap in
# use, refuses requests for garbage.
in_process() {
  launch=("$jdk/bin/java" -Xms1g -Xmx2g -XX:+UseG1GC -XX:G1ReservePercent=25 -XX:InitiatingHeapOccupancyPercent=30
    --add-modules jdk.incubator.vector -cp "$jars/*"
    "$root/dev/engines/OpenSearchNode.java" "$home" "$port")
}

answers() { curl -fs -o /dev/null --max-time 5 "http://127.0.0.1:$port/_cluster/health"; }

url() { echo "http://127.0.0.1:$port"; }
