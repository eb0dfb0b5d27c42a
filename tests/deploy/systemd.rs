//! The units for systemd: what they run, and that systemd reads them where it is installed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::scene::{Scene, read};

const PROGRAM: &str = "/usr/local/bin/prejoin";

/// The names of the units.
fn units() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = files.filter(|entry| entry.file_type().unwrap().is_file());
    let mut names: Vec<String> =
        files.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What a unit sets, its drop-in included.
fn settings(name: &str) -> BTreeMap<String, String> {
    let own = read(&format!("systemd/{name}"));
    let all = [own, read("systemd/prejoin-.service.d/surroundings.conf")].concat();
    let set =
        all.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    set.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The arguments of what a unit starts, for a job.
fn arguments(name: &str, job: &str) -> Vec<String> {
    let line = settings(name)["ExecStart"].replace("%i", job);
    let mut words = line.split_whitespace().map(str::to_owned);
    assert_eq!(words.next().as_deref(), Some(PROGRAM), "{name}");
    words.collect()
}

#[tokio::test]
async fn what_units_start_does_what_it_says() {
    let scene = Scene::new().await;
    let started = [
        "prejoin-sync@",
        "prejoin-sweep@",
        "prejoin-verify@",
        "prejoin-reindex@",
        "prejoin-rollback@",
        "prejoin-run",
    ];
    let services: Vec<String> =
        units().into_iter().filter(|name| name.ends_with(".service")).collect();
    for service in &services {
        let unit = service.trim_end_matches(".service");
        assert!(started.contains(&unit), "{service} is started by no test");
        let environment = &settings(service)["Environment"];
        assert_eq!(
            environment, "PREJOIN_HOME=/etc/prejoin PREJOIN_PROFILE=production",
            "as it is run here"
        );
        // 3: another run is at it; 143: asked to stop.
        assert_eq!(settings(service)["SuccessExitStatus"], "3 143");
    }
    assert_eq!(services.len(), started.len());
    for (unit, told) in [
        ("prejoin-sync@", "300 documents"),
        ("prejoin-sweep@", "every root and every document was looked at"),
        ("prejoin-reindex@", "points to it now"),
        ("prejoin-rollback@", "served before, and is kept"),
    ] {
        let ran =
            scene.run(scene.installed(&arguments(&format!("{unit}.service"), "contracts"))).await;
        assert_eq!(ran.code, Some(0), "{unit}: {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{unit}: {}", ran.stderr);
    }
    let verify = arguments("prejoin-verify@.service", "contracts");
    scene.repairs_silent_edits(|| scene.installed(&verify)).await;
    let by = |unit: &str, job: &str| scene.installed(&arguments(unit, job));
    scene
        .fails_in_each_way(
            |job| by("prejoin-sync@.service", job),
            || by("prejoin-sweep@.service", "contracts"),
        )
        .await;
    let mut command = by("prejoin-run.service", "");
    command.env("PREJOIN__RUN__LISTEN", "127.0.0.1:0");
    let running = scene.home.start_command(command);
    running.says("is scheduled").await;
    running.signal("TERM");
    assert_eq!(running.ended().await.code, Some(143));
}

#[test]
fn every_timer_has_its_service_and_makes_up_for_what_it_missed() {
    let timers: Vec<String> = units().into_iter().filter(|name| name.ends_with(".timer")).collect();
    assert!(!timers.is_empty());
    for timer in timers {
        assert!(units().contains(&timer.replace(".timer", ".service")), "{timer}");
        assert_eq!(settings(&timer)["Persistent"], "yes");
    }
}

/// Where systemd is installed, it reads them all; elsewhere nobody can ask it.
#[test]
fn systemd_understands_every_line() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else { return };
    assert!(version.status.success());
    let folder = tempfile::tempdir().unwrap();
    let drop_in = "prejoin-.service.d";
    std::fs::create_dir(folder.path().join(drop_in)).unwrap();
    let conf = format!("{drop_in}/surroundings.conf");
    let write = |name: &str| {
        let text = read(&format!("systemd/{name}")).replace(PROGRAM, env!("CARGO_BIN_EXE_prejoin"));
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    units().iter().map(String::as_str).chain([conf.as_str()]).for_each(write);
    let complaints = |name: &str| {
        let output = Command::new("systemd-analyze")
            .args(["verify", "--man=no", "--recursive-errors=no", &name.replace('@', "@contracts")])
            .env("SYSTEMD_UNIT_PATH", format!("{}:", folder.path().display()))
            .output()
            .unwrap();
        // Of units that are none of ours it may complain as it likes.
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        said.lines().filter(|line| line.contains("prejoin")).map(str::to_owned).collect::<Vec<_>>()
    };
    for unit in units() {
        assert_eq!(complaints(&unit), [""; 0], "{unit}");
    }
    // It would say so.
    let text = read(&format!("systemd/{conf}")).replace("ProtectSystem=", "ProtektSystem=");
    std::fs::write(folder.path().join(&conf), text).unwrap();
    assert_ne!(complaints("prejoin-sync@.service"), [""; 0]);
}
