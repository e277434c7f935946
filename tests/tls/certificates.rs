//! Certificates made by the `openssl` command: authorities, servers of several names, a client, an expired one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A folder of certificates: `NAME.pem` and `NAME.key`, signed by `ca`, but for `other-ca`, which signs itself.
pub(crate) struct Certificates {
    dir: PathBuf,
}

/// What `openssl ca` wants to know.
const SETTINGS: &str = "[ca]\ndefault_ca = a\n[a]\ndir = .\nnew_certs_dir = .\ndatabase = index.txt\nserial = serial\n\
    default_md = sha256\npolicy = p\nunique_subject = no\ncopy_extensions = copy\n[p]\ncommonName = supplied\n";

impl Certificates {
    /// The certificates, made once for all tests of this process.
    pub(crate) fn get() -> &'static Certificates {
        static MADE: OnceLock<Certificates> = OnceLock::new();
        MADE.get_or_init(Certificates::make)
    }

    fn make() -> Certificates {
        remove_those_of_the_past();
        let dir =
            crate::support::target().join(format!("tests/certificates-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("authorities")).expect("a folder");
        let made = Certificates { dir };
        fs::write(made.path("ca.cnf"), SETTINGS).expect("write");
        fs::write(made.path("index.txt"), "").expect("write");
        fs::write(made.path("serial"), "1000\n").expect("write");
        for name in ["ca", "other-ca"] {
            made.request(name, name, "", &["-x509", "-days", "2"]);
        }
        let names = "subjectAltName=DNS:localhost,DNS:*.example.test,IP:127.0.0.1";
        made.sign("server", "localhost", names, "");
        made.sign(
            "elsewhere",
            "elsewhere",
            "subjectAltName=DNS:elsewhere.test",
            "",
        );
        made.sign(
            "partial",
            "partial",
            "subjectAltName=DNS:red*.example.test",
            "",
        );
        made.sign("common", "localhost", "", "");
        made.sign("client", "client", "", "");
        made.sign("expired", "localhost", names, "20200101000000Z");
        fs::copy(made.path("ca.pem"), made.path("authorities/ca.pem")).expect("copy");
        made.openssl(&["rehash", "authorities"]);
        made
    }

    /// A key and a self-signed certificate or a request to sign.
    fn request(&self, name: &str, common: &str, extension: &str, more: &[&str]) {
        let (pem, key) = (format!("{name}.pem"), format!("{name}.key"));
        let subject = format!("/CN={common}");
        let mut args = vec![
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ];
        args.extend(["-subj", &subject, "-keyout", &key, "-out", &pem]);
        if !extension.is_empty() {
            args.extend(["-addext", extension]);
        }
        args.extend(more);
        self.openssl(&args);
    }

    /// A certificate signed by `ca`, valid for a day from now or for one that has passed.
    fn sign(&self, name: &str, common: &str, extension: &str, from: &str) {
        self.request(name, common, extension, &[]);
        let pem = format!("{name}.pem");
        let mut args = vec![
            "ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key",
        ];
        args.extend(["-in", &pem, "-out", &pem]);
        match from {
            "" => args.extend(["-days", "1"]),
            from => args.extend(["-startdate", from, "-enddate", "20200102000000Z"]),
        }
        self.openssl(&args);
    }

    fn openssl(&self, args: &[&str]) {
        let done = Command::new("openssl")
            .args(args)
            .current_dir(&self.dir)
            .output()
            .expect("openssl is installed (make test installs it)");
        assert!(
            done.status.success(),
            "openssl {args:?}\n{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    /// The path of a file, or of the folder `authorities`.
    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.join(name).to_string_lossy().into_owned()
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Test processes that have ended leave their certificates behind.
fn remove_those_of_the_past() {
    let tests = crate::support::target().join("tests");
    for entry in fs::read_dir(tests).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.strip_prefix("certificates-"));
        if process.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
