//! Words as a POSIX shell must read them: advice is there to be copied.

use std::path::Path;

/// A word, quoted where it must be.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:%@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A path; where it is not UTF-8 or would move the cursor, with its bytes as `$'…'` has them (POSIX 2024).
pub(crate) fn path(path: &Path) -> String {
    let here;
    let path = if path.as_os_str().as_encoded_bytes().starts_with(b"-") {
        // Or it would be an option.
        here = Path::new(".").join(path);
        &here
    } else {
        path
    };
    if let Some(text) = path.to_str().filter(|text| !text.contains(char::is_control)) {
        return quoted(text);
    }
    let escaped = |&byte: &u8| match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    };
    let bytes = path.as_os_str().as_encoded_bytes();
    format!("$'{}'", bytes.iter().map(escaped).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_must_be() {
        for (word, expected) in [
            ("runs/a=1,b", "runs/a=1,b"),
            ("", "''"),
            ("my runs", "'my runs'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("Pendulum-v1[time-limit=9]", "'Pendulum-v1[time-limit=9]'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_utf_8_can_be_typed() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let name = Path::new(OsStr::from_bytes(b"a b\xff'"));
        assert_eq!(path(name), r"$'a b\377\''");
        assert_eq!(path(Path::new("-run/policy.lace")), "./-run/policy.lace");
        assert_eq!(path(Path::new("a\nb\u{1b}[2J")), r"$'a\012b\033[2J'");
    }
}
