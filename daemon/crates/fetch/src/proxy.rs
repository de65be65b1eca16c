//! The proxy that the environment names. It is read here and not by the client, which passes over what it cannot use and then
//! connects without: a proxy is named where nothing else is allowed, so one that cannot be used is refused.

use std::ffi::OsString;

use ureq::http::Uri;
use ureq::{Proxy, ProxyProtocol};

use crate::UnusableProxy;
use crate::remote::shown;

/// The first of them that is set counts, for every address.
const VARIABLES: [&str; 6] =
    ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
/// Hosts that are asked without it.
const EXCEPT: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// A proxy, and who named it.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) proxy: Proxy,
    variable: &'static str,
    /// Without user and password.
    shown: String,
}

impl Named {
    /// Words for an error, if this address is asked through it.
    pub(crate) fn via(&self, url: &str) -> Option<String> {
        let direct = url.parse::<Uri>().is_ok_and(|uri| self.proxy.is_no_proxy(&uri));
        (!direct).then(|| format!("{}, which {} names", self.shown, self.variable))
    }
}

/// The proxy that the environment names, if any.
pub(crate) fn named(env: impl Fn(&str) -> Option<OsString>) -> Result<Option<Named>, UnusableProxy> {
    let set = |name: &&'static str| Some((*name, env(name).filter(|value| !value.is_empty())?));
    let Some((variable, value)) = VARIABLES.iter().find_map(set) else { return Ok(None) };
    let text = value.to_string_lossy();
    // User and password are nobody else's business, with or without a scheme before them.
    let shown = match text.split_once("://") {
        Some(_) => shown(&text),
        None => text.rsplit('@').next().unwrap_or_default().to_owned(),
    };
    let refuse = |why| UnusableProxy { variable, shown: shown.clone(), why };
    let given = value.to_str().and_then(|text| Proxy::new(text.trim()).ok());
    let given = given.ok_or_else(|| refuse("is no address of one"))?;
    if !matches!(given.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(refuse("is of a kind that is not known here"));
    }
    let mut proxy = Proxy::builder(given.protocol()).host(given.host()).port(given.port());
    if let Some(user) = given.username() {
        proxy = proxy.username(user);
    }
    if let Some(password) = given.password() {
        proxy = proxy.password(password);
    }
    let except = EXCEPT.iter().find_map(set).map(|(_, value)| value.to_string_lossy().into_owned());
    for host in except.iter().flat_map(|hosts| hosts.split(',')) {
        proxy = proxy.no_proxy(host.trim());
    }
    let proxy = proxy.build().map_err(|_| refuse("is no address of one"))?;
    Ok(Some(Named { proxy, variable, shown }))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use super::*;
    use crate::client::Client;
    use crate::{Settings, Tried};

    fn of(variables: &[(&str, &str)]) -> Result<Option<Named>, UnusableProxy> {
        named(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn one_that_cannot_be_used_is_refused_and_its_password_not_shown() {
        for (value, shown) in [
            ("socks5://me:secret@host:1080", "`socks5://host:1080`"),
            ("ftp://host", "`ftp://host`"),
            ("http://me:secret@", "`http://`"),
            ("me:secret@no host", "`no host`"),
        ] {
            for variable in VARIABLES {
                let text = of(&[(variable, value)]).unwrap_err().to_string();
                assert!(text.contains(variable) && text.contains(shown), "{text}");
                assert!(!text.contains("secret"), "{text}");
            }
        }
    }

    #[test]
    fn one_is_used_but_where_it_is_not_to_be() {
        assert!(of(&[]).unwrap().is_none() && of(&[("HTTPS_PROXY", "")]).unwrap().is_none());
        let named = of(&[
            ("HTTPS_PROXY", "http://me:p%40ss@host:3128/"),
            ("NO_PROXY", "localhost, .example.org"),
            ("http_proxy", "socks5://never"),
        ]);
        let named = named.unwrap().unwrap();
        assert_eq!((named.proxy.host(), named.proxy.port()), ("host", 3128));
        assert_eq!((named.proxy.username(), named.proxy.password()), (Some("me"), Some("p@ss")));
        let via = named.via("https://elsewhere.example/a").unwrap();
        assert_eq!(via, "http://host:3128/, which HTTPS_PROXY names");
        for direct in ["http://localhost/a", "https://files.example.org/a"] {
            assert_eq!(named.via(direct), None, "{direct}");
        }
        let bare = of(&[("all_proxy", "host")]).unwrap().unwrap();
        assert_eq!((bare.proxy.host(), bare.proxy.port()), ("host", 80));
        assert!(of(&[("https_proxy", "https://[::1]:3128")]).unwrap().is_some());
    }

    /// A server with a certificate is only reached by a tunnel: the proxy is asked for one, and what it says is told with its name.
    #[test]
    fn a_tunnel_is_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            (&stream).write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
            request
        });
        let url = "https://models.invalid/a.onnx";
        let named = of(&[("HTTPS_PROXY", &format!("http://me:secret@{address}"))]).unwrap();
        let client = Client::new(&Settings::default(), named);
        let Err(fault) = client.ask(url, 0, None) else { panic!("nothing has that name") };
        let request = proxy.join().unwrap();
        assert_eq!(request[0], "CONNECT models.invalid:443 HTTP/1.1");
        assert!(request.iter().any(|line| line.starts_with("Proxy-Authorization: Basic ")), "{request:?}");
        let tried = Tried { url: url.to_owned(), via: client.via(url), fault }.to_string();
        let told = format!("{url} (through the proxy http://{address}, which HTTPS_PROXY names): ");
        assert!(tried.starts_with(&told) && tried.contains("403"), "{tried}");
    }
}
