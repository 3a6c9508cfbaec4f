#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod agent;
mod client;

pub use agent::{Agent, AgentCall, AgentCast, AgentInit};
pub use client::AgentClient;
pub use otp_genserver::{Call, CallError, Destination, Name, ServerRef, Start, StartError};
