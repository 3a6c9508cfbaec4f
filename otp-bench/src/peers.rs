//! The libraries, one file each.

mod actix;
mod hydra;
mod kameo;
pub(crate) mod maps;
mod otp;
mod ractor;
mod raw;
pub(crate) mod rows;
mod spawned;

pub(crate) use actix::Actix;
pub(crate) use hydra::Hydra;
pub(crate) use kameo::Kameo;
pub(crate) use otp::Otp;
pub(crate) use ractor::Ractor;
pub(crate) use raw::Raw;
pub(crate) use spawned::Spawned;
