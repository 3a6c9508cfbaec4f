#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod app_info;
mod app_spec;
mod application;
mod callbacks;
mod config_error;
mod config_sources;
mod controller;
mod environment;
mod error;
mod halt;
mod master;
mod report;
mod restart_type;
mod runner;
mod signals;
mod table;
mod to_value;

pub use app_info::AppInfo;
pub use app_spec::{AppSpec, Dependency};
pub use application::{Application, Started};
pub use config_error::ConfigError;
pub use config_sources::ConfigSources;
pub use controller::Controller;
pub use error::{FetchEnvError, LoadError, StartAppError, StopAppError, UnloadError};
pub use halt::{Halt, exit_code};
pub use otp_core::ExitReason;
pub use restart_type::RestartType;
pub use runner::{Runner, run};
