//! Loads `.env`. The readers of such files differ: some replace `$name` by a variable, remove quotes and backslashes, or
//! take the last of two lines with one name. A line that has another value for one of them is an error, so that no part
//! of a password gets lost.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

/// Loads `.env` of the working directory into the environment. Variables that are set there stay. Parent directories may
/// belong to other users, so they are not searched.
///
/// # Errors
/// The message does not quote the file, which may hold secrets.
pub fn load() -> Result<(), String> {
    let path = Path::new(".env");
    // `.env` may be a Python virtualenv directory.
    if path.is_dir() {
        return Ok(());
    }
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        text => text.map_err(|error| format!("cannot read .env: {error}"))?,
    };
    let text = String::from_utf8(text).map_err(|_| "cannot read .env: save it in UTF-8".to_owned())?;
    check(&text).map_err(|(line, reason)| format!("cannot read .env: line {line} {reason}"))?;
    // dotenvy takes a space before the end of the file for the start of another line.
    dotenvy::from_read(format!("{text}\n").as_bytes()).map_err(|_| "cannot read .env".to_owned())
}

/// Returns the first faulty line and its fault.
fn check(text: &str) -> Result<(), (usize, String)> {
    let mut names = HashMap::new();
    for (line, entry) in entries(text)? {
        if entry.contains('\0') {
            return Err((line, "has a zero byte".into()));
        }
        match dotenvy::from_read_iter(format!("{entry}\n").as_bytes()).next() {
            None => {}
            Some(Ok((name, _))) => {
                if let Some(first) = names.insert(name.clone(), line) {
                    return Err((line, format!("sets {name}, as line {first} does; remove one of them")));
                }
            }
            Some(Err(_)) => {
                let quotes = "put values with spaces or special characters in single quotes";
                return Err((line, format!("is not NAME=value; {quotes}")));
            }
        }
    }
    Ok(())
}

/// Splits the file into entries, each with the number of its first line: a value in quotes may have several lines.
///
/// # Errors
/// The number of a line with a character that would be lost.
fn entries(text: &str) -> Result<Vec<(usize, &str)>, (usize, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut entries, mut start, mut first_line, mut line) = (Vec::new(), 0, 1, 1);
    let (mut quote, mut is_comment, mut previous) = (None, false, '\n');
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (None, '\n') => {
                entries.push((first_line, text.get(start..at).unwrap_or_default()));
                line += 1;
                (start, first_line, is_comment) = (at + 1, line, false);
            }
            (Some(_), '\n') => line += 1,
            _ if is_comment => {}
            (None, '#') if previous.is_whitespace() => is_comment = true,
            (None, '\'' | '"') if previous == '=' || previous.is_whitespace() => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (Some('"'), '\\') => drop(chars.next()),
            (Some('"'), '$') | (None, '$' | '\\' | '\'' | '"') => return Err((line, QUOTE_IT.into())),
            (None, '#') if previous == '=' => return Err((line, QUOTE_IT.into())),
            _ => {}
        }
        previous = c;
    }
    entries.push((first_line, text.get(start..).unwrap_or_default()));
    Ok(entries)
}

const QUOTE_IT: &str =
    "has a special character; put the value in single quotes, which keep $ # \\ and \" as they are";

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the values that dotenvy reads from a file that passes the check.
    fn values(text: &str) -> Vec<String> {
        check(text).unwrap();
        let text = format!("{}\n", text.trim_start_matches('\u{feff}'));
        dotenvy::from_read_iter(text.as_bytes()).map(|entry| entry.unwrap().1).collect()
    }

    #[test]
    fn accepted_value_is_read_as_written() {
        for (text, value) in [
            ("A=p#ss", "p#ss"),
            ("A='p$ss'", "p$ss"),
            ("A='p\"$s\\s # ${B}'", "p\"$s\\s # ${B}"),
            ("A=\"p\\$s's\\\\\"", "p$s's\\"),
            ("\u{feff}A=b", "b"),
            ("A=b\r\n", "b"),
            ("A='b'\r", "b"),
            ("A=b  \t", "b"),
            ("A=b # it's a $comment \\", "b"),
            ("A= # comment", ""),
            ("A=", ""),
            ("export A = b", "b"),
            ("A='one\ntwo $three'\n", "one\ntwo $three"),
            ("# don't\n\n  # \"\nA=b", "b"),
            ("A=postgres://u:p@[::1]/d?a=b&c=%20", "postgres://u:p@[::1]/d?a=b&c=%20"),
        ] {
            assert_eq!(values(text), [value], "{text:?}");
        }
    }

    #[test]
    fn value_that_would_change_is_rejected_with_its_line() {
        let line = |text: &str| check(text).unwrap_err().0;
        for value in ["p$ss", "$ss", "p$", "${B}", "\"p$ss\"", "p\\nss", "p\"s\"s", "O'Brien", "#pass", "a b"]
        {
            assert_eq!(line(&format!("# it's\nB='one\ntwo'\nA={value}\nC=d\n")), 4, "{value}");
        }
        for text in ["A='open\nB=c", "A", "A: b", "=b", "A='b' c", "A=b\0"] {
            assert_eq!(line(text), 1, "{text:?}");
        }
    }

    #[test]
    fn name_that_is_set_twice_is_rejected() {
        let (line, reason) = check("A=b\n# A=x\nB=c\nexport A=d\n").unwrap_err();
        assert_eq!((line, reason.as_str()), (4, "sets A, as line 1 does; remove one of them"));
    }
}
