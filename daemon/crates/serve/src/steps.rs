//! Long work as a stream: what it says while it is at it, and its end. Called off when nobody reads any more and when the daemon
//! stops. What the work is, is its service's business.

use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use vow_depot::Cancel;

/// Steps that may wait for a slow reader; newer progress is dropped beyond.
const UNREAD: usize = 16;

/// Where work says how far it is.
pub(crate) struct Teller<T>(mpsc::Sender<Result<T, Status>>);

impl<T> Teller<T> {
    /// A step that must not be left out: a slow reader is waited for.
    pub(crate) fn insist(&self, step: T) {
        // One that went away calls the work off.
        let _ = self.0.blocking_send(Ok(step));
    }

    /// A step that finds no room is made up for by the next.
    pub(crate) fn tell(&self, step: T) {
        let _ = self.0.try_send(Ok(step));
    }
}

/// Runs work on a thread of its own and streams what it tells; the last thing is what it returns.
pub(crate) fn stream<T: Send + 'static>(
    mut stopped: watch::Receiver<bool>,
    work: impl FnOnce(Teller<T>, &Cancel) -> Result<T, Status> + Send + 'static,
) -> ReceiverStream<Result<T, Status>> {
    let (sender, receiver) = mpsc::channel(UNREAD);
    let cancel = Cancel::new();
    let (switch, reader) = (cancel.clone(), sender.clone());
    let (running, ended) = oneshot::channel::<()>();
    tokio::spawn(async move {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => {}
            () = reader.closed() => {}
            _ = ended => {}
        }
        switch.cancel();
    });
    tokio::task::spawn_blocking(move || {
        let outcome = work(Teller(sender.clone()), &cancel);
        // A reader that went away needs no answer.
        let _ = sender.blocking_send(outcome);
        drop(running);
    });
    ReceiverStream::new(receiver)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_stream::StreamExt as _;

    use super::*;

    /// Works until it is called off, and says that it was.
    fn endless(
        stopped: watch::Receiver<bool>,
    ) -> (ReceiverStream<Result<u32, Status>>, oneshot::Receiver<&'static str>) {
        let (say, heard) = oneshot::channel();
        let stream = stream(stopped, move |teller, cancel| {
            teller.tell(1);
            while !cancel.is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            say.send("called off").unwrap();
            Err(Status::cancelled("called off"))
        });
        (stream, heard)
    }

    #[tokio::test]
    async fn steps_come_in_order_and_the_end_is_the_last() {
        let (_daemon, stopped) = watch::channel(false);
        let all = stream(stopped, |teller, _| {
            (0..3).for_each(|step| teller.tell(step));
            Ok(3)
        });
        let all: Vec<u32> = all.map(Result::unwrap).collect().await;
        assert_eq!(all, [0, 1, 2, 3]);
    }

    #[tokio::test]
    async fn who_goes_away_calls_the_work_off() {
        let (_daemon, stopped) = watch::channel(false);
        let (mut steps, heard) = endless(stopped);
        assert_eq!(steps.next().await.unwrap().unwrap(), 1);
        drop(steps);
        assert_eq!(heard.await, Ok("called off"));
    }

    #[tokio::test]
    async fn a_daemon_that_stops_calls_the_work_off() {
        let (daemon, stopped) = watch::channel(false);
        let (steps, heard) = endless(stopped);
        daemon.send(true).unwrap();
        assert_eq!(heard.await, Ok("called off"));
        let all: Vec<_> = steps.map(|step| step.map_err(|status| status.code())).collect().await;
        assert_eq!(all, [Ok(1), Err(tonic::Code::Cancelled)]);
    }
}
