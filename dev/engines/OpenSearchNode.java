import org.codelibs.opensearch.runner.OpenSearchRunner;
import org.opensearch.plugin.analysis.nori.AnalysisNoriPlugin;

/** One OpenSearch node on the loopback: {@code java … OpenSearchNode.java HOME HTTP_PORT}. Ends, clean, on SIGTERM. */
final class OpenSearchNode {
    public static void main(String[] args) throws Exception {
        String home = args[0];
        String httpPort = args[1];
        var runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            settings.put("discovery.type", "single-node");
            settings.put("network.host", "127.0.0.1");
            settings.put("http.port", httpPort);
            // A development disk is often nearly full; the node would turn its indexes read-only.
            settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
            // Looks every second, in place of once a minute, which snapshots are over: a test waits for it.
            settings.put("search.keep_alive_interval", "1s");
        });
        runner.build(OpenSearchRunner.newConfigs()
            .basePath(home)
            .numOfNode(1)
            .clusterName("prejoin-dev")
            .pluginTypes(AnalysisNoriPlugin.class.getName())
            .useLogger());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                runner.close();
            } catch (Exception error) {
                error.printStackTrace();
            }
        }));
        Thread.currentThread().join();
    }
}
