//! `vow export csv`: faces as a table (RFC 4180) that a spreadsheet opens. `export json` says more.

use std::io::{self, Write};

use vow_proto::v1;

use super::plain::time;

const HEAD: [&str; 17] = [
    "file",
    "file_hex",
    "photo_id",
    "width",
    "height",
    "taken",
    "orientation",
    "found_turned",
    "face_id",
    "person_id",
    "person_name",
    "left",
    "top",
    "right",
    "bottom",
    "score",
    "quality",
];

/// The table as it is written.
pub(crate) struct Csv<W: Write>(csv::Writer<W>);

impl Csv<io::StdoutLock<'static>> {
    /// To standard output.
    pub(crate) fn begin() -> io::Result<Self> {
        Self::to(io::stdout().lock())
    }
}

impl<W: Write> Csv<W> {
    fn to(out: W) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(HEAD)?;
        Ok(Self(writer))
    }

    /// A face in a file. A path that is not UTF-8 is there in hexadecimal bytes too.
    pub(crate) fn row(&mut self, row: &v1::ExportResponse) -> io::Result<()> {
        let (file, face) = (row.file.clone().unwrap_or_default(), row.face.clone().unwrap_or_default());
        let place = face.r#box.unwrap_or_default();
        let path = String::from_utf8_lossy(&file.path).into_owned();
        let hex = match std::str::from_utf8(&file.path) {
            Ok(_) => String::new(),
            Err(_) => file.path.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let taken = file.taken.map(time).unwrap_or_default();
        let [left, top, right, bottom] =
            [place.left, place.top, place.right, place.bottom].map(|px| format!("{px:.1}"));
        let record: [String; HEAD.len()] = [
            path,
            hex,
            file.photo_id,
            file.width.to_string(),
            file.height.to_string(),
            taken,
            file.orientation.to_string(),
            file.found_turned.to_string(),
            face.face_id,
            face.person_id,
            face.person_name,
            left,
            top,
            right,
            bottom,
            format!("{:.4}", face.score),
            format!("{:.4}", face.quality),
        ];
        self.0.write_record(&record)?;
        Ok(())
    }

    /// The end: all of it is written.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_stays_in_its_field() {
        let row = |path: &[u8], name: &str| v1::ExportResponse {
            file: Some(v1::File { path: path.to_vec(), taken: Some(86_400), ..v1::File::default() }),
            face: Some(v1::Face { person_name: name.to_owned(), score: 0.5, ..v1::Face::default() }),
            ..v1::ExportResponse::default()
        };
        let mut out = Vec::new();
        let mut table = Csv::to(&mut out).unwrap();
        table.row(&row(b"/p/a,b\n\"c\".jpg", "Zo\u{eb}, \"Z\"")).unwrap();
        table.row(&row(b"/p/\xff.jpg", "")).unwrap();
        table.finish().unwrap();
        let mut reader = csv::Reader::from_reader(out.as_slice());
        assert_eq!(reader.headers().unwrap(), &csv::StringRecord::from(HEAD.to_vec()));
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let field = |row: usize, name: &str| {
            rows[row].get(HEAD.iter().position(|head| *head == name).unwrap()).unwrap()
        };
        assert_eq!((field(0, "file"), field(0, "person_name")), ("/p/a,b\n\"c\".jpg", "Zo\u{eb}, \"Z\""));
        assert_eq!((field(0, "file_hex"), field(1, "file_hex")), ("", "2f702fff2e6a7067"));
        assert_eq!((field(0, "taken"), field(0, "score")), ("1970-01-02 00:00:00", "0.5000"));
    }
}
