//! The forms a method may take: async, fallible, answering later, with or without `cx`, named like anything.

use std::num::ParseIntError;

use otp_macros::gen_server;

use crate::otp::{
    CallError, Context, Down, ExitReason, GenServer, Pid, ReplyTo, ServerRef, Start, block_on, yield_now,
};

#[derive(Default)]
struct Forms {
    log: Vec<String>,
    waiting: Vec<ReplyTo<usize>>,
}

#[gen_server(crate = crate::otp)]
impl Forms {
    fn init() -> Self {
        Self::default()
    }

    /// Its own, so none is generated.
    fn start_link() -> Start<Self> {
        <Self as GenServer>::start(())
    }

    #[call]
    fn log(&self) -> Vec<String> {
        self.log.clone()
    }

    /// The names are those of the expansion's locals.
    #[call]
    async fn swap(&mut self, message: u8, reply: u8, value: u8, _cx: &mut Context<Self>) -> (u8, u8, u8) {
        yield_now().await;
        (value, reply, message)
    }

    #[call]
    fn parse(&self, text: String) -> Result<u8, ParseIntError> {
        text.parse()
    }

    #[call]
    fn later(&mut self, reply: ReplyTo<usize>, mut n: usize) {
        n += 1;
        self.log.push(format!("later {n}"));
        self.waiting.push(reply);
    }

    #[call]
    async fn refuse(&mut self, reply: ReplyTo<()>, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        yield_now().await;
        cx.continues.clear();
        drop(reply);
        Err(ExitReason::Normal)
    }

    #[call]
    fn nothing(&mut self) {
        self.log.push("nothing".into());
    }

    #[cast]
    async fn read(&mut self, text: String) -> Result<(), ParseIntError> {
        let number: usize = text.parse()?;
        self.waiting.drain(..).for_each(|reply| reply.send(number));
        Ok(())
    }

    #[cast]
    fn r#type(&mut self, r#final: Box<dyn Fn(&str) -> String + Send>) {
        self.log.push(r#final("x"));
    }

    #[cfg(any())]
    #[cast]
    fn absent(&mut self, gone: Missing) {}

    #[cfg(any())]
    #[info]
    fn absent_as_well(&mut self, gone: Missing) {}

    fn handle_timeout(&mut self) {
        if self.log.is_empty() {
            return;
        }
        self.log.push("timeout".into());
    }

    async fn handle_down(&mut self, Down(pid): Down, _cx: &mut Context<Self>) -> Result<(), ExitReason> {
        yield_now().await;
        self.log.push(format!("down {}", pid.0));
        Ok(())
    }

    fn handle_exit(&mut self, _: Pid, reason: ExitReason) -> Result<(), ExitReason> {
        Err(reason)
    }

    async fn terminate(&mut self, reason: &ExitReason) {
        yield_now().await;
        self.log.push(format!("terminate {reason:?}"));
    }
}

fn start() -> ServerRef<Forms> {
    block_on(Forms::start_link().into_future()).expect("init cannot fail")
}

#[test]
fn arguments_keep_their_order_whatever_their_names() {
    assert_eq!(block_on(start().swap(1, 2, 3)), Ok((3, 2, 1)));
}

#[test]
fn any_other_result_is_the_reply() {
    let forms = start();
    assert_eq!(block_on(forms.parse("7".into())), Ok(Ok(7)));
    assert!(block_on(forms.parse("seven".into())).unwrap().is_err());
    assert_eq!(forms.crashed(), None);
}

#[test]
fn a_reply_can_come_later() {
    let forms = start();
    let call = forms.later(0);
    assert!(!call.was_held());
    forms.read("42".into());
    assert_eq!(block_on(call), Ok(42));
    assert_eq!(block_on(forms.log()), Ok(vec!["later 1".to_owned()]));
}

#[test]
fn a_call_that_answers_itself_can_crash() {
    let forms = start();
    assert_eq!(block_on(forms.refuse()), Err(CallError::Exit(ExitReason::Normal)));
}

#[test]
fn no_return_type_replies_unit() {
    let forms = start();
    let call = forms.nothing();
    assert!(call.was_held());
    assert_eq!(block_on(call), Ok(()));
}

#[test]
fn any_error_of_a_cast_becomes_the_exit_reason() {
    let forms = start();
    forms.read("x".into());
    assert_eq!(forms.crashed(), Some(ExitReason::Custom("invalid digit found in string".into())));
}

#[test]
fn raw_names_and_closures() {
    let forms = start();
    forms.r#type(Box::new(|text| text.repeat(2)));
    assert_eq!(block_on(forms.log()), Ok(vec!["xx".to_owned()]));
    assert_eq!(format!("{:?}", FormsCast::Type(Box::new(str::to_owned))), "Type");
}

#[test]
fn callbacks_by_name() {
    let forms = start();
    forms.run(async |server, cx| GenServer::handle_timeout(server, cx).await);
    forms.run(async |server, cx| GenServer::handle_down(server, Down(Pid(3)), cx).await);
    forms.run(async |server, cx| GenServer::handle_timeout(server, cx).await);
    forms.run(async |server, cx| {
        GenServer::terminate(server, &ExitReason::Normal, cx).await;
        Ok(())
    });
    assert_eq!(
        block_on(forms.log()),
        Ok(vec!["down 3".into(), "timeout".into(), "terminate Normal".to_owned()])
    );
    forms.run(async |server, cx| GenServer::handle_exit(server, Pid(1), ExitReason::Normal, cx).await);
    assert_eq!(forms.crashed(), Some(ExitReason::Normal));
}
