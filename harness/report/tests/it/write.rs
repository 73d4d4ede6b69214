//! The files in a run's folder.

use crate::support;
use std::fs;

use harness_record::ExitCode;
use harness_record::summary::{Summary, read_hlog};
use harness_report::{ReportError, write_all};

#[test]
fn every_report_is_written_and_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let result = support::failed();
    let written = write_all(folder.path(), &support::plan(), &result).unwrap();
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["junit.xml", "latencies.hlog", "report.html", "report.md", "summary.json"]);
    assert_eq!(written.len(), 5);
    let summary = Summary::from_json(&fs::read(folder.path().join("summary.json")).unwrap()).unwrap();
    assert_eq!((summary.exit_code, summary.run.id.as_str()), (ExitCode::Failed, "20261121-121500-4f2a"));
    let rows = read_hlog(&fs::read(folder.path().join("latencies.hlog")).unwrap()).unwrap();
    assert!(rows.iter().any(|row| row.name == "node_provisioning" && !row.histogram.is_empty()));
    // Again, over the existing files.
    write_all(folder.path(), &support::plan(), &result).unwrap();
}

#[test]
fn one_that_fails_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    // A folder cannot be replaced by a file.
    for name in ["report.html", "junit.xml"] {
        fs::create_dir_all(folder.path().join(name).join("in-the-way")).unwrap();
    }
    let error = write_all(folder.path(), &support::plan(), &support::passed(1)).unwrap_err();
    let ReportError::Several { errors } = &error else { panic!("{error}") };
    assert_eq!(errors.len(), 2);
    let text = error.to_string();
    assert!(text.contains("report.html") && text.contains("junit.xml") && text.contains("harness report"), "{text}");
    for name in ["summary.json", "report.md", "latencies.hlog"] {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
    let left = fs::read_dir(folder.path())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|x| x == "part"));
    assert_eq!(left.count(), 0, "no half file is left");
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let error = write_all(&gone, &support::plan(), &support::passed(1)).unwrap_err();
    assert!(matches!(error, ReportError::NoFolder { .. }));
    assert!(error.to_string().contains("gone"));
}
