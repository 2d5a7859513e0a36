//! An nginx beside the gateway: the same certificates, TLS 1.3, one process, a file of the same bytes, no log.

use anyhow::{Context as _, Result, bail};
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running nginx; ends when dropped.
pub struct Nginx {
    process: Child,
    port: u16,
}

impl Nginx {
    /// Starts one over the demonstration's certificates; none where there is no nginx.
    pub fn start(demo: &Path, folder: &Path, body: &[u8]) -> Result<Option<Self>> {
        let root = folder.join("nginx");
        std::fs::create_dir_all(&root)?;
        std::fs::write(root.join("summary.json"), body)?;
        // Free a moment ago; another process that takes it meanwhile makes nginx say so.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let file = root.join("nginx.conf");
        std::fs::write(&file, configuration(demo, &root, port))?;
        let process = Command::new("nginx")
            .arg("-p")
            .arg(&root)
            .arg("-c")
            .arg(&file)
            .arg("-e")
            .arg(root.join("error.log"))
            .stdin(Stdio::null())
            .spawn();
        let process = match process {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context("cannot start nginx"),
        };
        let nginx = Self { process, port };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(Some(nginx));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!(
            "nginx does not listen: {}",
            std::fs::read_to_string(root.join("error.log")).unwrap_or_default()
        )
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// The address of the file.
    pub fn address(&self) -> String {
        format!("https://127.0.0.1:{}/summary.json", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It is one process without a master, so that nothing is left behind; that it has ended already is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(demo: &Path, root: &Path, port: u16) -> String {
    let (certs, root) = (demo.join("certs"), root.display());
    let certs = certs.display();
    format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\npid {root}/nginx.pid;\n\
         events {{ worker_connections 512; }}\n\
         http {{\n access_log off;\n default_type application/json;\n keepalive_requests 100000000;\n\
         client_body_temp_path {root}/body;\n proxy_temp_path {root}/proxy;\n fastcgi_temp_path {root}/fastcgi;\n\
         uwsgi_temp_path {root}/uwsgi;\n scgi_temp_path {root}/scgi;\n\
         server {{\n listen 127.0.0.1:{port} ssl http2;\n root {root};\n ssl_protocols TLSv1.3;\n\
         ssl_session_tickets off;\n ssl_certificate {certs}/server.pem;\n ssl_certificate_key {certs}/server.key;\n\
         ssl_client_certificate {certs}/ca.pem;\n ssl_verify_client on;\n }}\n}}\n"
    )
}
