//! A small gallery over HTTP, on a loopback address and for whoever has its key: the people with their faces, their photos,
//! names, questions, and what was said. Pages are made here as text and need no script; what they change goes the way of every decision.
//!
//! `door` says who is let in, `route` what an address means, `pages` what is shown, `act` what is changed, and `notice` tells
//! of it on the page that comes after.

mod act;
mod door;
mod form;
mod html;
mod key;
mod notice;
mod pages;
mod reply;
mod route;
mod upload;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use tokio::net::TcpListener;
use vow_engine::{Engine, EngineError, PictureOf};

use crate::ServeError;
use crate::http::{self, Answer, PATIENCE};
use crate::refusal::blocking;
use door::{Door, Visit};
use form::Form;
use html::Html;
use key::Key;
use reply::Reply;
use route::{Change, Route, Show};

/// Bytes of a form, at most.
const LARGEST_FORM: usize = 16 << 10;
const URLENCODED: &str = "application/x-www-form-urlencoded";

/// A bound listener for the gallery.
#[derive(Debug)]
pub struct Gallery {
    listener: TcpListener,
    address: SocketAddr,
    door: Arc<Door>,
}

impl Gallery {
    /// The port that it has unless another is asked for or this one is taken.
    pub const PORT: u16 = 8693;

    /// Binds a loopback address, with the key of this data folder; port 0 takes a free one. Must be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// When the address or the key cannot be had.
    pub async fn bind(address: SocketAddr, data_dir: &Path) -> Result<Self, ServeError> {
        let key = Key::of(data_dir)
            .map_err(|source| ServeError::GalleryKey { path: key::place(data_dir), source })?;
        let refused = |source| ServeError::Gallery { address, source };
        let listener = http::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address, door: Arc::new(Door::new(key, address)) })
    }

    /// As [`Self::bind`], at 127.0.0.1 and the usual port, or a free one where that is taken.
    ///
    /// # Errors
    /// As [`Self::bind`].
    pub async fn bind_usual(data_dir: &Path) -> Result<Self, ServeError> {
        let at = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        match Self::bind(at(Self::PORT), data_dir).await {
            Err(ServeError::Gallery { .. }) => Self::bind(at(0), data_dir).await,
            bound => bound,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address that lets a browser in. Whoever has it sees everything and may change names: it is for the user's eyes.
    #[must_use]
    pub fn url(&self) -> String {
        self.door.url(self.address)
    }

    /// Answers until dropped.
    pub async fn serve(self, engine: Engine) {
        let door = self.door;
        http::serve(self.listener, move |request| answer(request, engine.clone(), Arc::clone(&door))).await;
    }
}

async fn answer(request: Request<Incoming>, engine: Engine, door: Arc<Door>) -> Answer {
    let (head, body) = request.into_parts();
    if !matches!(head.method, Method::GET | Method::HEAD | Method::POST) {
        return Reply::guarded(http::only("GET, HEAD, POST", "ask with GET, change with POST\n"));
    }
    let reply = match door.look(&head.method, &head.uri, &head.headers) {
        Visit::Refused(why) => Reply::Plain(StatusCode::FORBIDDEN, why.to_owned()),
        Visit::WithKey => Reply::Enter { cookie: door.cookie() },
        Visit::Welcome if head.method == Method::POST && head.uri.path() == "/find" => {
            find(&head, body, engine).await
        }
        Visit::Welcome if head.method == Method::POST => match posted(&head, body).await {
            Ok((change, form)) => work(move || act::carry_out(&engine, change, &form)).await,
            Err(refusal) => refusal,
        },
        Visit::Welcome => asked(&head, engine).await,
    };
    reply.into_answer()
}

/// What a form is to change.
async fn posted(head: &Parts, body: Incoming) -> Result<(Change, Form), Reply> {
    let change = Change::of(head.uri.path()).ok_or_else(Reply::nothing_here)?;
    if kind(head).split(';').next().map(str::trim) != Some(URLENCODED) {
        return Err(Reply::failed(StatusCode::UNSUPPORTED_MEDIA_TYPE, "that is no form of this gallery"));
    }
    let whole = tokio::time::timeout(PATIENCE, Limited::new(body, LARGEST_FORM).collect()).await;
    let broken = || Reply::failed(StatusCode::BAD_REQUEST, "the form did not come whole; send it again");
    let bytes = match whole {
        Ok(Ok(whole)) => whole.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let text = "that is more than a form of this gallery holds; a name has at most 500 bytes";
            return Err(Reply::failed(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        _ => return Err(broken()),
    };
    let form = std::str::from_utf8(&bytes).ok().and_then(|text| Form::read(text).ok());
    Ok((change, form.ok_or_else(broken)?))
}

fn kind(head: &Parts) -> &str {
    head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Who is in a picture that was sent.
async fn find(head: &Parts, body: Incoming, engine: Engine) -> Reply {
    match upload::picture(kind(head), body).await {
        Ok(picture) => {
            work(move || Ok(pages::find::answer(&engine, &picture)?.framed(&Html::default()))).await
        }
        Err(refusal) => refusal,
    }
}

async fn asked(head: &Parts, engine: Engine) -> Reply {
    let Ok(query) = Form::read(head.uri.query().unwrap_or_default()) else {
        return Reply::failed(StatusCode::BAD_REQUEST, "that address is broken");
    };
    match Route::of(head.uri.path()) {
        None => Reply::nothing_here(),
        Some(Route::Style) => Reply::Style,
        Some(Route::Picture(of, side)) => picture(engine, of, side).await,
        Some(Route::Show(show)) => {
            let notice = notice::of(&query, &head.uri);
            work(move || page(&engine, show, &query, &notice)).await
        }
    }
}

fn page(engine: &Engine, show: Show, query: &Form, notice: &Html) -> Result<Reply, EngineError> {
    let shown = match show {
        Show::People => pages::people::show(engine, query),
        Show::Person(id) => pages::person::show(engine, id, query),
        Show::Faces(id) => pages::faces::show(engine, id, query),
        Show::Photo(id) => pages::photo::show(engine, id, query),
        Show::Questions => pages::questions::show(engine, query),
        Show::History => pages::history::show(engine, query),
        Show::Search => pages::search::show(engine, query),
        Show::Find => Ok(pages::find::show()),
    };
    Ok(shown?.framed(notice))
}

async fn picture(engine: Engine, of: PictureOf, side: u32) -> Reply {
    match blocking(move || engine.picture(&of, side)).await {
        Ok(jpeg) => Reply::Picture(jpeg),
        Err(status) => Reply::Plain(reply::status_of(&status), format!("{}\n", status.message().trim_end())),
    }
}

/// Work for the engine, and a page about it where it fails.
async fn work(work: impl FnOnce() -> Result<Reply, EngineError> + Send + 'static) -> Reply {
    match blocking(work).await {
        Ok(reply) => reply,
        Err(status) => Reply::failed(reply::status_of(&status), status.message()),
    }
}
