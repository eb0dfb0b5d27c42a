# shellcheck shell=bash disable=SC2034,SC2054,SC2154
# Elasticsearch. As a process it is the core: the modules that are not published as jars (analysis-common, painless,
# reindex, scaled_float, …) are absent, `GET /` answers 405, and it must not be sent gzipped bodies.
variable=TEST_ELASTICSEARCH_URL
inner_port=9200

in_container() {
  launch=(-e discovery.type=single-node -e xpack.security.enabled=false -e 'ES_JAVA_OPTS=-Xms1g -Xmx1g'
    -e cluster.routing.allocation.disk.threshold_enabled=false -e search.keep_alive_interval=1s elasticsearch:9.5.3)
}

find_programs() {
  jdk=$(jdk_home)
  jars=$(maven_jars "$root/dev/engines/elasticsearch.pom.xml")
  zstd=$(find /lib /usr/lib -name 'libzstd.so.1' -print -quit 2>/dev/null)
  [[ -n $zstd ]] || { debian libzstd1 && zstd=$(find /lib /usr/lib -name 'libzstd.so.1' -print -quit); }
}

# The node loads its transport as a module: a folder of jars beside the module's own descriptors.
in_process() {
  local module=$home/modules/transport-netty4
  rm -rf "${home:?}/modules" "${home:?}/lib"
  mkdir -p "$module" "$home/lib" "$home/native" "$home/config" "$home/plugins"
  ln -s "$jars"/*.jar "$home/lib/"
  mv "$home/lib"/{netty-,transport-netty4-,elasticsearch-ssl-config-}*.jar "$module/"
  (cd "$module" && "$jdk/bin/jar" --extract --file "$(echo transport-netty4-*.jar)" META-INF/es-plugins &&
    mv META-INF/es-plugins/transport-netty4/* . && rm -r META-INF)
  ln -sf "$zstd" "$home/native/libzstd.so"
  # It searches the class path for duplicates: without one that would be the current folder with all below it.
  # The collector as the distribution sets it: it begins early, else the circuit breaker refuses requests for garbage.
  launch=("$jdk/bin/java" -cp "$home/config" -Xms1g -Xmx1g -XX:+UseG1GC -XX:G1ReservePercent=25
    -XX:InitiatingHeapOccupancyPercent=30 -Des.distribution.type=zip -Des.nativelibs.path="$home/native"
    --enable-native-access=org.elasticsearch.nativeaccess,org.apache.lucene.core,org.elasticsearch.foreign
    --module-path "$home/lib" --add-modules ALL-MODULE-PATH "$root/dev/engines/ElasticsearchNode.java" "$home" "$port")
}

answers() { curl -fs -o /dev/null --max-time 5 "http://127.0.0.1:$port/_cluster/health"; }

url() { echo "http://127.0.0.1:$port"; }
