//! The manifests for Kubernetes: what their containers run, and that they may do no more than they have to.

use std::path::Path;

use serde_json::{Value, json};

use super::scene::{Scene, read};

/// A manifest, with what it refers to put in.
fn manifest(name: &str) -> Value {
    prejoin::yaml::parse(Path::new(name), &read(name)).unwrap()
}

/// The `CronJobs` by name.
fn cron_jobs() -> Vec<(String, Value)> {
    let list = manifest("kubernetes/cronjobs.yaml");
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| (item["metadata"]["name"].as_str().unwrap().to_owned(), item["spec"].clone()))
        .collect()
}

/// What the only container of a pod runs.
fn arguments(pod: &Value) -> Vec<String> {
    let containers = pod["containers"].as_array().unwrap();
    assert_eq!(
        (containers.len(), &containers[0]["command"]),
        (1, &Value::Null),
        "the image's own entry point"
    );
    serde_json::from_value(containers[0]["args"].clone()).unwrap()
}

fn pod_of(spec: &Value) -> &Value {
    &spec["jobTemplate"]["spec"]["template"]["spec"]
}

/// No root, no writing, no rights, memory that ends, and secrets by reference alone.
fn assert_confined(pod: &Value) {
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let dockerfile =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile")).unwrap();
    let user = pod["securityContext"]["runAsUser"].as_u64().unwrap();
    assert!(
        dockerfile.contains(&format!("\nUSER {user}\n")),
        "the user of the image is another one"
    );
    assert_eq!(pod["automountServiceAccountToken"], false);
    let container = &pod["containers"][0];
    let security = &container["securityContext"];
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));
    for bound in ["requests", "limits"] {
        assert!(container["resources"][bound]["memory"].is_string(), "{container}");
    }
    for variable in container["env"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        let is_plain = name.starts_with("PREJOIN__RUN__")
            || ["PREJOIN_HOME", "PREJOIN_PROFILE"].contains(&name);
        assert_eq!(variable["value"].is_string(), is_plain, "{name}");
        assert_eq!(variable["valueFrom"]["secretKeyRef"]["key"].is_string(), !is_plain, "{name}");
    }
    let names = |list: &Value| -> Vec<Value> {
        list.as_array().unwrap().iter().map(|entry| entry["name"].clone()).collect()
    };
    assert_eq!(names(&container["volumeMounts"]), names(&pod["volumes"]));
    let mounts = container["volumeMounts"].as_array().unwrap();
    assert!(mounts.iter().all(|mount| mount["readOnly"] == true));
}

#[test]
fn cron_jobs_never_overlap_and_are_confined() {
    let (mut due, mut by_hand) = (Vec::new(), Vec::new());
    for (name, spec) in cron_jobs() {
        let job = &spec["jobTemplate"]["spec"];
        assert_eq!(spec["concurrencyPolicy"], "Forbid", "{name}");
        assert_eq!(
            (&job["backoffLimit"], &pod_of(&spec)["restartPolicy"]),
            (&0.into(), &"Never".into()),
            "{name}"
        );
        let held = json!({"action": "Ignore", "onExitCodes": {"operator": "In", "values": [3]}});
        assert_eq!(job["podFailurePolicy"]["rules"][0], held, "{name}");
        assert_confined(pod_of(&spec));
        let list = if spec["suspend"] == true { &mut by_hand } else { &mut due };
        list.push(format!(
            "{name} {} {}",
            spec["schedule"].as_str().unwrap(),
            arguments(pod_of(&spec)).join(" ")
        ));
    }
    insta::assert_snapshot!(due.join("\n"), @"
    prejoin-contracts-sync */5 * * * * sync contracts --json
    prejoin-contracts-sweep 30 2 * * * sync contracts --sweep --json
    prejoin-contracts-verify 0 4 * * SUN verify contracts --repair --json
    ");
    insta::assert_snapshot!(by_hand.join("\n"), @"
    prejoin-contracts-reindex 0 0 1 1 * reindex contracts --keep 1 --json
    prejoin-contracts-rollback 0 0 1 1 * rollback contracts --json
    ");
}

#[tokio::test]
async fn what_cron_jobs_run_does_what_it_says() {
    let scene = Scene::new().await;
    let jobs = cron_jobs();
    let did = async |name: &str| {
        let (_, spec) =
            jobs.iter().find(|(full, _)| full == &format!("prejoin-contracts-{name}")).unwrap();
        let ran = scene.run(scene.installed(&arguments(pod_of(spec)))).await;
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.stderr);
        ran.json()
    };
    assert_eq!(did("sync").await["index"], scene.index(1));
    assert_eq!(did("sweep").await["swept"], true);
    assert_eq!(did("reindex").await["index"], scene.index(2));
    assert_eq!(did("rollback").await["index"], scene.index(1));
    let (_, verify) = &jobs[2];
    scene.repairs_silent_edits(|| scene.installed(&arguments(pod_of(verify)))).await;
    assert_eq!(did("verify").await["mode"], "verify");
    assert_eq!(jobs.len(), 5, "one of them was not run");
    let words = |job: &str, more: &[&str]| {
        let words = [&["sync", job], more].concat();
        scene.installed(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    };
    scene
        .fails_in_each_way(
            |job| words(job, &["--json"]),
            || words("contracts", &["--sweep", "--json"]),
        )
        .await;
}

#[tokio::test]
async fn the_process_for_all_jobs_is_alive_where_it_is_asked() {
    let deployment = manifest("kubernetes/run.yaml");
    let spec = &deployment["spec"];
    assert_eq!((&spec["replicas"], &spec["strategy"]["type"]), (&1.into(), &"Recreate".into()));
    let pod = &spec["template"]["spec"];
    assert_confined(pod);
    let container = &pod["containers"][0];
    let scene = Scene::new().await;
    let mut command = scene.installed(&arguments(pod));
    let plain = container["env"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|variable| variable["value"].is_string());
    let port = container["ports"][0]["containerPort"].as_u64().unwrap();
    for variable in plain.filter(|variable| variable["name"] != "PREJOIN_HOME") {
        // The port of everybody's may be taken here.
        let value = variable["value"].as_str().unwrap().replace(&format!(":{port}"), ":0");
        command.env(variable["name"].as_str().unwrap(), value);
    }
    let running = scene.home.start_command(command);
    running.says("listening on http://0.0.0.0:").await;
    let said = running.said();
    let port = said.split("0.0.0.0:").nth(1).unwrap().split_whitespace().next().unwrap();
    let probe = container["livenessProbe"]["httpGet"]["path"].as_str().unwrap();
    let url = format!("http://127.0.0.1:{port}{probe}");
    // A kubelet calls it by the address of the pod.
    let arguments = ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: 10.0.0.7", &url];
    let output = tokio::process::Command::new("curl").args(arguments).output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "200");
    running.says("300 documents built anew").await;
    running.signal("TERM");
    assert_eq!(running.ended().await.code, Some(143));
}
