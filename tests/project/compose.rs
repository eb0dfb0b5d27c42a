//! `docker-compose.yml` is parsed here, since not every machine can run it.

use std::path::Path;

use serde_json::Value;

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
fn its_profile_is_a_configuration_that_loads() {
    let config = prejoin::config::Config::load(root(), Some("compose")).unwrap();
    assert_eq!(config.sources.len(), 9);
    let servers = config.sources.values().map(|source| &source.server);
    assert!(
        servers.clone().all(|server| !matches!(server, prejoin::config::Server::Sqlite { .. }))
    );
}
