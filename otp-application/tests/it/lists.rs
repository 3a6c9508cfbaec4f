//! What the controller tells of its applications, and forgetting them.

use otp_application::{AppSpec, Controller, UnloadError};
use otp_core::process;
use otp_supervisor::{StopToken, Supervisor, SupervisorClient};

use crate::support::{running, single};

#[otp_core::test(start_paused = true)]
async fn app_016_a_running_application_cannot_be_unloaded() {
    let controller = Controller::new();
    controller.load(single("a").env("key", 1)).unwrap();
    controller.start("a").await.unwrap();
    assert_eq!(controller.unload("a"), Err(UnloadError::Running("a".to_owned())));
    controller.stop("a").await.unwrap();
    assert_eq!(controller.unload("a"), Ok(()));
    assert_eq!(controller.loaded_applications(), []);
    assert_eq!(controller.get_env::<u8>("a", "key"), Ok(None), "its environment is forgotten");
    assert_eq!(controller.unload("a"), Err(UnloadError::NotLoaded("a".to_owned())));
    controller.load(single("a")).unwrap();
    assert_eq!(controller.get_env::<u8>("a", "key"), Ok(None));
}

#[otp_core::test(start_paused = true)]
async fn app_017_lists_of_running_and_loaded_applications() {
    let controller = Controller::new();
    for name in ["c", "a", "b"] {
        controller.load(single(name)).unwrap();
    }
    controller.load(AppSpec::library("idle").description("does nothing").version("2")).unwrap();
    for name in ["c", "a", "b"] {
        controller.start(name).await.unwrap();
    }
    assert_eq!(running(&controller), ["b", "a", "c"], "the one that was started last comes first");
    controller.stop("a").await.unwrap();
    assert_eq!(running(&controller), ["b", "c"]);
    let loaded = controller.loaded_applications();
    assert_eq!(loaded.iter().map(|info| &*info.name).collect::<Vec<_>>(), ["a", "b", "c", "idle"]);
    assert_eq!((&*loaded[3].description, &*loaded[3].version), ("does nothing", "2"));
}

#[otp_core::test(start_paused = true)]
async fn app_025_the_application_of_a_process() {
    async fn worker(stop: StopToken) {
        stop.stopped().await;
    }
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let spec = AppSpec::new("a", move |(): ()| {
        let tell = tell.clone();
        async move {
            let top =
                Supervisor::one_for_one().child(Supervisor::one_for_one().child(worker)).start_link().await?;
            let below = top.which_children().await?[0].status.pid().expect("it runs");
            let below = otp_genserver::ServerRef::<Supervisor>::of(below)?;
            let worker = below.which_children().await?[0].status.pid().expect("it runs");
            let current = process::current().expect("a process");
            tell.send([current, top.pid(), below.pid(), worker])?;
            Ok(top.into())
        }
    });
    let controller = Controller::new();
    controller.load(spec).unwrap();
    controller.start("a").await.unwrap();
    let pids = told.recv().await.unwrap();
    for pid in pids {
        assert_eq!(controller.get_application(pid).as_deref(), Some("a"));
        assert_eq!(Controller::new().get_application(pid), None, "of another controller");
    }
    assert_eq!(controller.get_application(process::current().unwrap()), None);
    controller.stop("a").await.unwrap();
    assert_eq!(pids.map(|pid| controller.get_application(pid)), [None, None, None, None]);
}

#[otp_core::test(start_paused = true)]
async fn the_current_controller_is_that_of_the_application() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let spec = AppSpec::new("current", move |()| {
        let seen = Controller::current().get_env::<u8>("current", "key");
        let _ = tell.send(seen);
        async { Ok(Supervisor::one_for_one().start_link().await?.into()) }
    });
    let controller = Controller::new();
    controller.load(spec.env("key", 3)).unwrap();
    controller.start("current").await.unwrap();
    assert_eq!(told.recv().await, Some(Ok(Some(3))));
    assert_eq!(Controller::current().get_env::<u8>("current", "key"), Ok(None), "outside: the global one");
}
