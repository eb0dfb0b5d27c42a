//! A spreadsheet program that is not ours opens the files, and has in its cells what was sent.

use std::path::Path;

use serde_json::json;

use super::super::documents::exact;
use super::super::harness::Api;
use super::{cells, export, sheet};
use crate::support::engines::TestEngine;

/// How the program reads and writes CSV: commas, quotes, UTF-8, and what is quoted is text.
const CSV: &str = "Text - txt - csv (StarCalc):44,34,76,1,,0,true";

/// As a file that is just opened: what is quoted may be a number, a date or a formula, too.
const PLAIN: &str = "Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,0,true";

/// Set where `dev/test` has said that the program is not there.
const WITHOUT: &str = "PREJOIN_TEST_WITHOUT_OFFICE";

/// What an office program makes of a file in `folder`.
async fn converted(folder: &Path, file: &str, to: &str) -> Vec<u8> {
    let profile = format!("-env:UserInstallation=file://{}/profile", folder.display());
    let mut office = tokio::process::Command::new("soffice");
    office.args([&profile, "--headless", "--norestore"]);
    if file.ends_with(".csv") {
        let filter = if file.starts_with("plain") { PLAIN } else { CSV };
        office.arg(format!("--infilter={filter}"));
    }
    office.args(["--convert-to", to, "--outdir"]).arg(folder.join("out")).arg(folder.join(file));
    let output = office.kill_on_drop(true).output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(240), output).await.unwrap();
    let output = output.expect("`soffice`: `sudo apt-get install libreoffice-calc-nogui`");
    let (name, _) = to.split_once(':').unwrap_or((to, ""));
    let made = folder.join("out").join(Path::new(file).with_extension(name));
    std::fs::read(made).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[tokio::test]
async fn spreadsheets_have_what_was_sent() {
    if std::env::var_os(WITHOUT).is_some() {
        println!("LibreOffice is not here: the files are not opened with it");
        return;
    }
    let rows = [
        ("김철수 \"이사\", (주)신성", "20260131000012345678", "98000000", "2026-01-31"),
        ("=1+1", "00123", "9007199254740993", "2026-02-01T09:30:00+09:00"),
        ("+82-10-1234-5678", "1e5", "-123456789012345", "2026-02-01"),
        ("줄\n바꿈", "=HYPERLINK(\"http://a\")", "-9223372036854775808", "2026-12-31"),
    ];
    let documents = rows.iter().enumerate().map(|(number, (title, no, amount, day))| {
        json!({"title": title, "no": no, "amount": exact(amount), "signed_at": day, "_prejoin": {"id": format!("d{number}")}})
    });
    let documents: Vec<_> = documents.collect();
    let api = Api::with(TestEngine::OpenSearch.client().await, &documents).await;
    let folder = tempfile::tempdir().unwrap();
    let columns = json!([{"path": "title", "heading": "이름"}, "no", "amount", "signed_at"]);
    for format in ["csv", "xlsx"] {
        let (parts, bytes) = export(&api, &json!({"format": format, "columns": columns})).await;
        assert_eq!(parts.status, 200);
        std::fs::write(folder.path().join(format!("{format}.{format}")), bytes).unwrap();
    }
    api.remove().await;
    std::fs::copy(folder.path().join("csv.csv"), folder.path().join("plain.csv")).unwrap();

    let opened = sheet(converted(folder.path(), "plain.csv", "xlsx").await);
    let from_csv = sheet(converted(folder.path(), "csv.csv", "xlsx").await);
    let from_sheet = converted(folder.path(), "xlsx.xlsx", &format!("csv:{CSV}")).await;
    let from_sheet = String::from_utf8(from_sheet).unwrap();
    // It ends lines as this system does, and leaves the mark away.
    let from_sheet = format!("\u{FEFF}{}", from_sheet.replace("\r\n", "\n").replace('\n', "\r\n"));
    let from_sheet: Vec<Vec<String>> = cells(&from_sheet)
        .into_iter()
        .map(|line| line.into_iter().map(|(_, cell)| cell).collect())
        .collect();
    assert_eq!((from_csv[0][0].as_str(), from_sheet[0][0].as_str()), ("이름", "이름"));
    for (number, (title, no, amount, day)) in rows.iter().enumerate() {
        let [csv, sheet] = [&from_csv[number + 1], &from_sheet[number + 1]];
        // The quote that keeps a text of CSV from being a formula is all that is seen of it.
        let kept = |text: &str| match text.starts_with(['=', '+']) {
            true => format!("'{text}"),
            false => text.to_owned(),
        };
        let plain = |cell: &String| cell.replace("\r\n", "\n");
        assert_eq!(plain(&opened[number + 1][0]), kept(title));
        assert_eq!((plain(&csv[0]), plain(&csv[1])), (kept(title), kept(no)));
        assert_eq!((plain(&sheet[0]).as_str(), plain(&sheet[1]).as_str()), (*title, *no));
        for cells in [csv, sheet] {
            assert_eq!(cells[2], *amount);
            assert_eq!(cells[3], *day);
        }
    }
}
