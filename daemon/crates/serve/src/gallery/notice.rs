//! What was just saved, on the page that comes after it, with a way to take it back.

use hyper::Uri;

use super::form::Form;
use super::html::Html;
use super::route::Route;

/// Field of an address that says which entries of the history a form made.
const DID: &str = "did";
/// Entries that one form makes at most.
const MOST: usize = 256;

/// An address of the gallery's own, with the entries that were made on the way there.
pub(super) fn after(path: &str, entries: &[u64]) -> String {
    if entries.is_empty() {
        return path.to_owned();
    }
    let numbers: Vec<String> = entries.iter().map(u64::to_string).collect();
    format!("{path}{}{DID}={}", if path.contains('?') { '&' } else { '?' }, numbers.join("."))
}

/// What to say first on the page at `uri`.
pub(super) fn of(query: &Form, uri: &Uri) -> Html {
    let mut html = Html::default();
    let numbers = query.get(DID).unwrap_or_default().split('.').take(MOST);
    let entries: Vec<u64> = numbers.filter_map(|number| number.parse().ok()).collect();
    if entries.is_empty() {
        return html;
    }
    html.raw("<form class=\"row notice\" method=\"post\" action=\"/history\" role=\"status\">Saved.");
    for entry in entries {
        html.raw("<input type=\"hidden\" name=\"undo\" value=\"").text(entry).raw("\">");
    }
    html.raw("<input type=\"hidden\" name=\"back\" value=\"").text(without(uri));
    html.raw("\"><button>Undo</button></form>\n");
    html
}

/// The address without what was done on the way there.
fn without(uri: &Uri) -> String {
    let rest = uri.query().unwrap_or_default().split('&');
    let rest: Vec<&str> = rest.filter(|part| !part.is_empty() && !part.starts_with("did=")).collect();
    if rest.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), rest.join("&")) }
}

/// Where a form wants to go back to: a page of the gallery, or the history.
pub(super) fn back(form: &Form) -> String {
    let wanted = form.get("back").unwrap_or_default();
    let path = wanted.split('?').next().unwrap_or_default();
    let is_page = matches!(Route::of(path), Some(Route::Show(_)));
    let is_plain = wanted.bytes().all(|byte| byte.is_ascii_graphic());
    if is_page && is_plain { wanted.to_owned() } else { "/history".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(address: &str) -> String {
        let uri: Uri = address.parse().unwrap();
        of(&Form::read(uri.query().unwrap_or_default()).unwrap(), &uri).into_text()
    }

    #[test]
    fn what_was_done_can_be_taken_back_on_the_next_page() {
        assert_eq!(shown("/person/p7"), "");
        assert_eq!(shown("/person/p7?did=x"), "");
        let to = after("/person/p7?from=48", &[12, 13]);
        assert_eq!(to, "/person/p7?from=48&did=12.13");
        let html = shown(&to);
        assert!(html.contains("name=\"undo\" value=\"12\"") && html.contains("name=\"undo\" value=\"13\""));
        assert!(html.contains("name=\"back\" value=\"/person/p7?from=48\""), "{html}");
        assert_eq!((after("/", &[3]).as_str(), after("/", &[]).as_str()), ("/?did=3", "/"));
        assert!(shown("/?did=3").contains("name=\"back\" value=\"/\""));
        assert!(shown("/?a='%3E&did=3").contains("value=\"/?a=&#39;%3E\""));
    }

    #[test]
    fn the_way_back_stays_in_the_gallery() {
        let back = |to: &str| super::back(&Form::read(&format!("back={to}")).unwrap());
        assert_eq!(back("/person/p7%3Ffrom=48%26all=yes"), "/person/p7?from=48&all=yes");
        assert_eq!(back("/"), "/");
        for bad in
            ["", "//evil.example", "http://evil.example/", "/face/f1", "/person/p7%0d%0aX:1", "/%5cevil"]
        {
            assert_eq!(back(bad), "/history", "{bad}");
        }
    }
}
