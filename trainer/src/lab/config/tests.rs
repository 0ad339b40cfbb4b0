use super::*;
use clap::ValueEnum;

#[test]
fn a_configuration_survives_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    for env in ["HalfCheetah-v5", "Ant-v5", "Pendulum-v1", "CartPole-v1"] {
        for &method in Preset::value_variants() {
            let config = RunConfig::defaults(env, agent::usual(env), method);
            config.validate().unwrap();
            std::fs::write(&path, config.to_toml().unwrap()).unwrap();
            assert_eq!(RunConfig::from_file(&path).unwrap(), config);
        }
    }
}

#[test]
fn what_is_put_around_an_environment_changes_no_setting() {
    for env in ["Ant-v5", "Pendulum-v1", "MountainCarContinuous-v0", "Acrobot-v1"] {
        for &method in Preset::value_variants() {
            let bare = RunConfig::defaults(env, agent::usual(env), method);
            let wrapped = format!("{env}[noise-features=0.5]");
            let config = RunConfig::defaults(&wrapped, agent::usual(&wrapped), method);
            assert_eq!(RunConfig { env: env.to_string(), ..config }, bare);
        }
    }
}

#[test]
fn a_partial_file_lies_over_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, "env = 'HalfCheetah-v5'\nsparsity = 0.9\n[td3]\nbatch = 256\n").unwrap();
    let config = RunConfig::from_file(&path).unwrap();
    config.validate().unwrap();
    assert_eq!((config.batch(), config.start_steps()), (256, 25_000));
    assert_eq!((config.sparsity, config.allocation), (Some(0.9), Some(Allocation::Er)));
    std::fs::write(&path, "env = 'HalfCheetah-v5'\n[td3]\nbach = 256\n").unwrap();
    let error = RunConfig::from_file(&path).unwrap_err().to_string();
    assert!(error.contains("bach"), "{error}");
}

#[test]
fn a_setting_lies_over_a_file() {
    let layers = ["td3.batch=256\nseed=1", "td3.batch=64", "allocation.rule='uniform'"];
    let layers = layers.map(|text| Layer::setting(text).unwrap()).into();
    let mut config = RunConfig::from_layers(Some("Hopper-v5"), None, layers).unwrap();
    assert_eq!((config.batch(), config.seed, config.sparsity), (64, 1, None));
    assert!(config.validate().is_err(), "uniform needs a sparsity");
    config.sparsity = Some(0.8);
    config.validate().unwrap();
}

#[test]
fn settings_of_another_algorithm_are_refused_by_name() {
    let layers = ["algorithm=sac", "td3.learning-rate=1e-3"];
    let layers = layers.map(|text| Layer::setting(text).unwrap()).into();
    let error = RunConfig::from_layers(Some("Pendulum-v1"), None, layers).unwrap_err();
    let told = error.to_string();
    assert!(told.starts_with("`td3.learning-rate` says nothing of a sac run"), "{told}");
}

#[test]
fn allocations_that_decide_the_sparsity_exclude_one() {
    let explicit = "allocation={rule='explicit',sparsities=[0.8,0.5,0.0]}";
    let read = |setting: &str| {
        let layers = vec![Layer::setting(setting).unwrap()];
        RunConfig::from_layers(Some("HalfCheetah-v5"), None, layers)
    };
    let mut config = read(explicit).unwrap();
    config.validate().unwrap();
    assert_eq!(
        config.shape(17, ActionSpace::Continuous(6)).unwrap().policy.links[..],
        [870, 32_768, 1536]
    );
    let written: RunConfig = toml::from_str(&config.to_toml().unwrap()).unwrap();
    assert_eq!(written, config);
    config.sparsity = Some(0.9);
    assert!(config.validate().unwrap_err().to_string().contains("exclude each other"));
    for bad in ["{rule='balanced'}", "{rule='input-only',rest=1.0}", "{rule='explicit'}"] {
        assert!(read(&format!("allocation={bad}")).is_err(), "{bad}");
    }
}

#[test]
fn the_papers_lambda_gives_the_papers_sizes() {
    // Sokar et al. 2022: HalfCheetah keeps 106,169 of 214,784 weights.
    let config = RunConfig::defaults("HalfCheetah-v5", AlgorithmKind::Td3, Preset::DsTd3);
    let shape = config.shape(17, ActionSpace::Continuous(6)).unwrap();
    assert_eq!(shape.policy.total_links() + 2 * shape.critic.unwrap().total_links(), 106_169);
}

#[test]
fn critics_of_robots_keep_twice_as_many_links_unless_told() {
    let critics = |env: &str, method, settings: &[&str]| {
        let layers = settings.iter().map(|text| Layer::setting(text).unwrap()).collect();
        let config = RunConfig::from_layers(Some(env), Some(method), layers).unwrap();
        config.validate().unwrap();
        config.critic_sparsity
    };
    let robot = "Hopper-v5";
    assert_eq!(critics(robot, Preset::Set, &[]), Some(0.8));
    assert_eq!(critics(robot, Preset::Rigl, &["sparsity=0.95"]), Some(0.9));
    assert_eq!(critics(robot, Preset::Static, &["sparsity=0.3"]), Some(0.0));
    assert_eq!(critics(robot, Preset::Set, &["critic-sparsity=0.7"]), Some(0.7));
    assert_eq!(critics(robot, Preset::Set, &["policy-share=0.3"]), None);
    assert_eq!(critics(robot, Preset::Dense, &[]), None);
    assert_eq!(critics(robot, Preset::DsTd3, &["sparsity=0.9"]), None);
    assert_eq!(critics(robot, Preset::Set, &["algorithm=sac"]), None);
    assert_eq!(critics("Pendulum-v1", Preset::Set, &[]), None);
}
