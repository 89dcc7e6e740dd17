//! The extension of Zed that starts `heapsake dap`: it finds the program, and passes on what `debug.json` says.

use zed_extension_api::serde_json::{self, Value, json};
use zed_extension_api::{
    self as zed, DebugAdapterBinary, DebugConfig, DebugRequest, DebugScenario, DebugTaskDefinition,
    StartDebuggingRequestArguments, StartDebuggingRequestArgumentsRequest as Kind, Worktree,
};

const ADAPTER: &str = "heapsake";

struct Heapsake;

impl zed::Extension for Heapsake {
    fn new() -> Self {
        Heapsake
    }

    fn get_dap_binary(
        &mut self,
        adapter: String,
        task: DebugTaskDefinition,
        chosen: Option<String>,
        worktree: &Worktree,
    ) -> Result<DebugAdapterBinary, String> {
        let config: Value =
            serde_json::from_str(&task.config).map_err(|problem| format!("the configuration is no JSON: {problem}"))?;
        let request = self.dap_request_kind(adapter, config)?;
        let command = chosen
            .or_else(|| worktree.which("heapsake"))
            .ok_or("heapsake is not on PATH: pip install heapsake, or name it in the settings: dap.heapsake.binary")?;
        Ok(DebugAdapterBinary {
            command: Some(command),
            arguments: vec!["dap".into()],
            envs: worktree.shell_env(),
            cwd: Some(worktree.root_path()),
            connection: None,
            request_args: StartDebuggingRequestArguments { configuration: task.config, request },
        })
    }

    fn dap_request_kind(&mut self, adapter: String, config: Value) -> Result<Kind, String> {
        if adapter != ADAPTER {
            return Err(format!("this extension has the debug adapter {ADAPTER}, not {adapter}"));
        }
        match config["request"].as_str() {
            Some("launch") => Ok(Kind::Launch),
            Some("attach") => Ok(Kind::Attach),
            _ => Err("\"request\" has to be \"launch\"".into()),
        }
    }

    /// The dialog for a new session asks for a program: that is the dump.
    fn dap_config_to_scenario(&mut self, config: DebugConfig) -> Result<DebugScenario, String> {
        let DebugRequest::Launch(launch) = config.request else {
            return Err("a dump is no process that runs: choose Launch, with the dump as the program".into());
        };
        let config_of_dump = json!({ "request": "launch", "dump": launch.program });
        Ok(DebugScenario {
            label: config.label,
            adapter: config.adapter,
            build: None,
            config: config_of_dump.to_string(),
            tcp_connection: None,
        })
    }
}

zed::register_extension!(Heapsake);

#[cfg(test)]
mod tests {
    use super::*;
    use zed::{AttachRequest, Extension as _, LaunchRequest};

    fn scenario(request: DebugRequest) -> Result<DebugScenario, String> {
        let config = DebugConfig { label: "it".into(), adapter: ADAPTER.into(), request, stop_on_entry: None };
        Heapsake.dap_config_to_scenario(config)
    }

    #[test]
    fn the_program_of_the_dialog_is_the_dump() {
        let launch = LaunchRequest { program: "/a \"b\".heapsake".into(), cwd: None, args: vec![], envs: vec![] };
        let made = scenario(DebugRequest::Launch(launch)).expect("a scenario");
        let config: Value = serde_json::from_str(&made.config).expect("JSON");
        assert_eq!(config, json!({ "request": "launch", "dump": "/a \"b\".heapsake" }));
        assert_eq!((made.adapter.as_str(), made.label.as_str()), ("heapsake", "it"));
        assert!(scenario(DebugRequest::Attach(AttachRequest { process_id: Some(1) })).is_err());
    }

    #[test]
    fn a_request_is_launch_or_attach() {
        let kind = |adapter: &str, config: Value| Heapsake.dap_request_kind(adapter.into(), config);
        assert!(matches!(kind(ADAPTER, json!({ "request": "launch" })), Ok(Kind::Launch)));
        assert!(matches!(kind(ADAPTER, json!({ "request": "attach" })), Ok(Kind::Attach)));
        for wrong in [json!({}), json!({ "request": 1 }), json!([]), json!({ "request": "core" })] {
            assert!(kind(ADAPTER, wrong).is_err());
        }
        assert!(kind("Debugpy", json!({ "request": "launch" })).is_err());
    }
}
