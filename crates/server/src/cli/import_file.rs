//! Reads a file of users to import: CSV, JSON lines, or a JSON array. The content decides, not the name of the file.

use serde::Deserialize;
use serde_json::value::RawValue;

/// Signatures of other file formats, and what to do with such a file.
const OTHER_FORMATS: [(&[u8], &str); 9] = [
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet such as XLSX; export the users as CSV"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet such as XLS; export the users as CSV"),
    (b"SQLite format 3\0", "a SQLite database; export the users as CSV"),
    (b"\x1f\x8b", "compressed with gzip; decompress it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; decompress it first"),
    (b"\xfd7zXZ\0", "compressed with xz; decompress it first"),
    (b"BZh", "compressed with bzip2; decompress it first"),
    (b"\xff\xfe", "in UTF-16; save it in UTF-8"),
    (b"\xfe\xff", "in UTF-16; save it in UTF-8"),
];

/// A user of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub id: String,
    pub email: String,
    pub name: String,
    #[serde(default, alias = "passwordHash")]
    pub password_hash: Option<String>,
}

/// The number of the line where a record begins, and the record or its syntax error.
pub type Line = (usize, Result<Record, String>);

/// The file is not a list of users.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("the file is {0}")]
    OtherFormat(&'static str),
    #[error("the file has no users")]
    NoUsers,
    #[error("line {line}: the header must be id,email,name,password_hash{hint}")]
    Header { line: usize, hint: String },
    #[error("line {line}: invalid JSON near column {column}")]
    Json { line: usize, column: usize },
}

/// Reads the records of a file. An error in one record does not prevent reading the next, except in a JSON array.
///
/// # Errors
/// If the file is not a list of users, or has none.
pub fn read(bytes: &[u8]) -> Result<Vec<Line>, FileError> {
    if let Some((_, format)) = OTHER_FORMATS.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Err(FileError::OtherFormat(format));
    }
    if bytes.contains(&0) {
        return Err(FileError::OtherFormat("no text in UTF-8; export the users as CSV in UTF-8"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lines = match bytes.trim_ascii_start().first() {
        None => Vec::new(),
        Some(b'[') => read_json_array(bytes)?,
        Some(b'{') => read_json_lines(bytes),
        Some(_) => read_csv(bytes)?,
    };
    if lines.is_empty() { Err(FileError::NoUsers) } else { Ok(lines) }
}

fn read_json_lines(bytes: &[u8]) -> Vec<Line> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    lines
        .map(|(index, line)| (index + 1, serde_json::from_slice(line).map_err(|error| json_error(&error))))
        .collect()
}

fn read_json_array(bytes: &[u8]) -> Result<Vec<Line>, FileError> {
    let elements: Vec<&RawValue> = serde_json::from_slice(bytes)
        .map_err(|error| FileError::Json { line: error.line(), column: error.column() })?;
    let mut lines = LineCounter::new(bytes);
    let record = |element: &RawValue| {
        // The element is a part of `bytes`.
        let line = lines.line_at(element.get().as_ptr().addr() - bytes.as_ptr().addr());
        (line, serde_json::from_str(element.get()).map_err(|error| json_error(&error)))
    };
    Ok(elements.into_iter().map(record).collect())
}

/// Describes an error without serde's message, which may quote a password hash.
fn json_error(error: &serde_json::Error) -> String {
    let problem = if error.is_data() {
        "missing, unknown or non-text field"
    } else {
        "invalid JSON, or not one object in one line,"
    };
    format!("{problem} near column {}", error.column())
}

fn read_csv(bytes: &[u8]) -> Result<Vec<Line>, FileError> {
    let mut lines = LineCounter::new(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let line = lines.line_at(0);
    let hint = |text: &str| FileError::Header { line, hint: text.to_owned() };
    let columns = Columns::read(reader.headers().map_err(|_| hint(", in UTF-8"))?).map_err(hint)?;
    let mut records = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        let start = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        let read = match reader.read_record(&mut record) {
            Ok(false) => return Ok(records),
            Ok(true) => Ok(columns.record(&record)),
            Err(error) => Err(csv_error(&error)),
        };
        records.push((lines.line_at(start), read));
    }
}

/// Describes an error without the value, which may be a password hash.
fn csv_error(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields, but the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "invalid UTF-8".into(),
        _ => "cannot be read".into(),
    }
}

/// The positions of the columns.
struct Columns {
    id: usize,
    email: usize,
    name: usize,
    password_hash: Option<usize>,
}

impl Columns {
    /// Returns a hint about the error if the header has missing, unknown or repeated columns.
    fn read(header: &csv::StringRecord) -> Result<Self, &'static str> {
        let find = |names: &[&str]| header.iter().position(|column| names.contains(&column));
        let (id, email, name) = (find(&["id"]), find(&["email"]), find(&["name"]));
        let password_hash = find(&["password_hash", "passwordHash"]);
        match (id, email, name) {
            (Some(id), Some(email), Some(name))
                if header.len() == 3 + usize::from(password_hash.is_some()) =>
            {
                Ok(Self { id, email, name, password_hash })
            }
            _ => Err(match header.iter().collect::<Vec<_>>().as_slice() {
                [column] if column.contains(';') => ", separated by commas and not by semicolons",
                [column] if column.contains('\t') => ", separated by commas and not by tabs",
                [column] if column.contains('|') => ", separated by commas and not by vertical bars",
                _ => "",
            }),
        }
    }

    fn record(&self, record: &csv::StringRecord) -> Record {
        let text = |column: usize| record.get(column).unwrap_or_default().to_owned();
        Record {
            id: text(self.id),
            email: text(self.email),
            name: text(self.name),
            password_hash: self.password_hash.map(text),
        }
    }
}

/// Finds the line numbers of ascending positions. A line ends with LF, CR LF or CR, as for the CSV reader.
struct LineCounter<'a> {
    bytes: &'a [u8],
    position: usize,
    line: usize,
}

impl<'a> LineCounter<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, line: 1 }
    }

    /// Returns the line of the first byte from `start` on that ends no line: the CSV reader stops before the last byte
    /// of CR LF, and before empty lines.
    fn line_at(&mut self, start: usize) -> usize {
        while let Some(&byte) = self.bytes.get(self.position) {
            let ends_line =
                byte == b'\n' || (byte == b'\r' && self.bytes.get(self.position + 1) != Some(&b'\n'));
            if self.position >= start && !matches!(byte, b'\r' | b'\n') {
                break;
            }
            self.line += usize::from(ends_line);
            self.position += 1;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the line of each record, with its id or error.
    fn lines(file: &str) -> Vec<(usize, String)> {
        let record = |(line, record): Line| (line, record.map_or_else(|error| error, |record| record.id));
        read(file.as_bytes()).unwrap().into_iter().map(record).collect()
    }

    fn expect(file: &str, expected: &[(usize, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(line, id)| (*line, (*id).to_owned())).collect();
        assert_eq!(lines(file), expected, "{file:?}");
    }

    #[test]
    fn record_line_is_the_first_with_every_line_ending() {
        let file = "id,email,name\na,a@e,A\n\n\"b\",b@e,\"B\nof\n\nfour\"\nc,c@e\nd,d@e,D";
        for ending in ["\n", "\r\n", "\r"] {
            for start in ["", "\u{feff}", "\n\n"] {
                let file = format!("{start}{file}").replace('\n', ending);
                let skipped = if start == "\n\n" { 2 } else { 0 };
                let expected = [(2, "a"), (4, "b"), (8, "2 fields, but the header has 3"), (9, "d")];
                expect(&file, &expected.map(|(line, id)| (line + skipped, id)));
            }
        }
    }

    #[test]
    fn json_is_read_as_lines_or_array_whatever_the_file_name() {
        let object = |id| format!(r#"{{"id": "{id}", "email": "e", "name": "n"}}"#);
        let (a, b) = (object("a"), object("b"));
        for ending in ["\n", "\r\n"] {
            let nested = format!("\n[\n{},\n\n  {b}]\n", a.replace(',', ",\n")).replace('\n', ending);
            expect(&nested, &[(3, "a"), (7, "b")]);
            expect(&format!("\u{feff}{a}\n\n{b}\n").replace('\n', ending), &[(1, "a"), (3, "b")]);
        }
        let field = "missing, unknown or non-text field near column";
        expect(&format!("[{a},\n{{\"id\": 1}}]"), &[(1, "a"), (2, &format!("{field} 8"))]);
        assert_eq!(read(b"[\n{}").err(), Some(FileError::Json { line: 2, column: 2 }));
    }

    #[test]
    fn file_without_users_is_an_error() {
        for file in
            ["", "\u{feff}", "\r\n\n", "[]", "[ ]\n", "id,email,name,password_hash\r\n", "id,email,name"]
        {
            assert_eq!(read(file.as_bytes()).err(), Some(FileError::NoUsers), "{file:?}");
        }
    }

    #[test]
    fn file_of_another_format_is_an_error_with_a_way_out() {
        let utf16: Vec<u8> = "id,email,name\na,a@e,A".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (file, message) in [
            (&b"PK\x03\x04..."[..], "export the users as CSV"),
            (b"\x1f\x8b\x08", "decompress"),
            (&[&[0xff, 0xfe], &utf16[..]].concat(), "UTF-16"),
            (&utf16, "UTF-8"),
            (b"id;email;name;password_hash\na;a@e;A;", "line 1: the header must be"),
            (b"id;email;name;password_hash\na;a@e;A;", "commas and not by semicolons"),
            (b"id\temail\tname\na\ta@e\tA", "commas and not by tabs"),
            (b"id,email,name,hash\na,a@e,A,", "header must be"),
            (b"id,email,name,name\na,a@e,A,B", "header must be"),
            (b"\n\na,a@e,A", "line 3: the header must be"),
            (b"<users></users>", "header must be"),
            (b"id,email,n\xe4me\n", "in UTF-8"),
        ] {
            let error = read(file).map(|lines| lines.len()).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
