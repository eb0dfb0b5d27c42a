//! JSON text, written without ever being held as a tree.

/// Appends JSON to a buffer and places the commas.
pub(crate) struct Json<'b> {
    out: &'b mut Vec<u8>,
    first: bool,
    end: usize,
}

impl<'b> Json<'b> {
    /// Writes behind what `out` holds, `limit` bytes at most.
    pub(crate) fn new(out: &'b mut Vec<u8>, limit: usize) -> Self {
        let end = out.len().saturating_add(limit);
        Self { out, first: true, end }
    }

    /// Whether the limit is passed; it is for the caller to ask, and to stop.
    pub(crate) fn is_too_long(&self) -> bool {
        self.out.len() > self.end
    }

    pub(crate) fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.first = true;
    }

    pub(crate) fn close(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.first = false;
    }

    /// A member's name, ready-made with its quotes and colon.
    pub(crate) fn label(&mut self, label: &str) {
        self.element();
        self.out.extend_from_slice(label.as_bytes());
    }

    /// The comma before the next element of a list.
    pub(crate) fn element(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }

    /// Text that is JSON already.
    pub(crate) fn raw(&mut self, json: impl AsRef<[u8]>) {
        self.out.extend_from_slice(json.as_ref());
    }

    /// A string, escaped (RFC 8259, section 7).
    pub(crate) fn text(&mut self, text: &str) {
        self.text_behind(b"\"", text);
    }

    /// A string whose beginning, with its quotation mark, is JSON already.
    pub(crate) fn text_behind(&mut self, beginning: &[u8], text: &str) {
        self.out.extend_from_slice(beginning);
        let mut rest = text.as_bytes();
        while let Some(stop) = special(rest) {
            let (plain, from_it) = rest.split_at(stop);
            self.out.extend_from_slice(plain);
            if let Some((&byte, after)) = from_it.split_first() {
                self.escape(byte);
                rest = after;
            }
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }

    fn escape(&mut self, byte: u8) {
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => {
                let hex = |digit: u8| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
                self.out.extend_from_slice(b"\\u00");
                self.out.extend_from_slice(&[hex(byte >> 4), hex(byte & 15)]);
                return;
            }
        };
        self.out.extend_from_slice(&[b'\\', short]);
    }

    /// What was written from `start` on.
    pub(crate) fn written_since(&self, start: usize) -> &[u8] {
        self.out.get(start..).unwrap_or_default()
    }
}

/// Where the first byte stands that has to be escaped. Texts hardly have one, so that sixteen are looked at together, which
/// compilers do in one go.
fn special(text: &[u8]) -> Option<usize> {
    let is = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    let (chunks, rest) = text.as_chunks::<16>();
    let chunk = chunks.iter().position(|chunk| chunk.iter().fold(false, |any, &b| any | is(b)));
    let (from, among) = match chunk {
        Some(chunk) => (chunk * 16, chunks.get(chunk)?.as_slice()),
        None => (chunks.len() * 16, rest),
    };
    among.iter().position(|&byte| is(byte)).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A `String` of proptest's has no control characters.
        #[test]
        fn any_text_reads_back(text in prop::collection::vec(any::<char>(), 0..64)) {
            let text = String::from_iter(text);
            let mut out = Vec::new();
            Json::new(&mut out, usize::MAX).text(&text);
            prop_assert!(!out.contains(&b'\n'));
            let back: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(back, text);
        }
    }
}
