//! `docker-compose.yml` is parsed here, since not every machine can run it.

use std::path::Path;

use serde_json::Value;

use crate::support::services::{
    ELASTICSEARCH, MARIADB, MARIADB_TLS, OPENSEARCH, POSTGRES, POSTGRES_TLS,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn compose() -> Value {
    let path = root().join("docker-compose.yml");
    let text = std::fs::read_to_string(&path).unwrap();
    prejoin::yaml::parse(&path, &text).unwrap()
}

#[test]
fn services_name_images_or_builds_and_files_that_exist() {
    let compose = compose();
    let services = compose["services"].as_object().unwrap();
    for name in ["elasticsearch", "postgres", "mariadb", "prejoin"] {
        assert!(services.contains_key(name), "{name} is missing");
    }
    for (name, service) in services {
        let image = service["image"].is_string();
        assert!(image || !service["build"].is_null(), "{name} has neither image nor build");
        if let Some(after) = service["depends_on"].as_object() {
            assert!(
                after.keys().all(|other| services.contains_key(other)),
                "{name} waits for a stranger"
            );
        }
    }
    let dockerfile = std::fs::read_to_string(root().join("Dockerfile")).unwrap();
    assert!(dockerfile.lines().any(|line| line.starts_with("USER ") && !line.contains("root")));
    assert!(
        dockerfile.matches("\nFROM ").count() + usize::from(dockerfile.starts_with("FROM ")) >= 2
    );
}

#[test]
fn one_image_is_built_and_once() {
    let compose = compose();
    let services = compose["services"].as_object().unwrap().values();
    let ours = services.filter(|service| service["image"] == "prejoin:local");
    let built: Vec<_> = ours.map(|service| service["build"].is_string()).collect();
    assert_eq!(built, [true, false, false]);
}

/// What is tested is what is shown.
#[test]
fn images_are_the_same_in_tests_in_scripts_and_here() {
    let compose = compose();
    for service in [&POSTGRES, &POSTGRES_TLS, &MARIADB, &MARIADB_TLS, &OPENSEARCH, &ELASTICSEARCH] {
        let image = format!("{}:{}", service.image.0, service.image.1);
        let script = root().join("dev/engines").join(format!("{}.sh", service.name));
        let script = std::fs::read_to_string(script).unwrap();
        assert!(script.contains(&format!(" {image}")), "dev/engines/{}.sh", service.name);
        let composed = &compose["services"][service.name]["image"];
        assert!(composed.is_null() || *composed == image, "{composed}");
    }
}

#[test]
fn its_profile_is_a_configuration_that_loads() {
    let config = prejoin::config::Config::load(root(), Some("compose")).unwrap();
    assert_eq!(config.sources.len(), 9);
    let servers = config.sources.values().map(|source| &source.server);
    assert!(
        servers.clone().all(|server| !matches!(server, prejoin::config::Server::Sqlite { .. }))
    );
}
