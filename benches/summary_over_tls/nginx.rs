//! An nginx beside the gateway: the same certificates, TLS 1.3, a worker for each processor, a file of 1,200 bytes, no
//! log.

use anyhow::{Context as _, Result, bail};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long the file is, bytes.
pub const BYTES: usize = 1_200;

/// A running nginx; ends when dropped.
pub struct Nginx {
    process: Child,
    root: PathBuf,
    port: u16,
}

impl Nginx {
    /// Starts one over the demonstration's certificates.
    pub fn start(demo: &Path, folder: &Path) -> Result<Self> {
        let root = folder.join("nginx");
        std::fs::create_dir_all(&root)?;
        std::fs::write(root.join("file.json"), "x".repeat(BYTES))?;
        // Free a moment ago; another process that takes it meanwhile makes nginx say so.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        std::fs::write(root.join("nginx.conf"), configuration(demo, &root, port))?;
        let process = command(&root).stdin(Stdio::null()).spawn();
        let process = process.context("nginx cannot be started; `apt-get install nginx-light`")?;
        let nginx = Self { process, root, port };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(nginx);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = std::fs::read_to_string(nginx.root.join("error.log")).unwrap_or_default();
        bail!("nginx does not listen: {log}")
    }

    /// The numbers of its processes.
    pub fn processes(&self) -> Vec<u32> {
        let master = self.process.id();
        let children = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children"));
        let workers = children.unwrap_or_default();
        let workers = workers.split_whitespace().filter_map(|number| number.parse().ok());
        std::iter::once(master).chain(workers).collect()
    }

    /// The address of the file.
    pub fn address(&self) -> String {
        format!("https://127.0.0.1:{}/file.json", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked rather than killed, so that its workers end with it; that it has ended already is as well.
        let _ = command(&self.root).args(["-s", "stop"]).status();
        let _ = self.process.wait();
    }
}

fn command(root: &Path) -> Command {
    let mut nginx = Command::new("nginx");
    nginx.arg("-p").arg(root).arg("-c").arg(root.join("nginx.conf")).arg("-e").arg(root.join("error.log"));
    nginx
}

fn configuration(demo: &Path, root: &Path, port: u16) -> String {
    let (certs, root) = (demo.join("certs"), root.display());
    let certs = certs.display();
    format!(
        "user root;\ndaemon off;\nworker_processes auto;\npid {root}/nginx.pid;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n sendfile on;\n tcp_nopush on;\n access_log off;\n default_type application/json;\n\
         keepalive_requests 100000000;\n open_file_cache max=16;\n\
         client_body_temp_path {root}/body;\n proxy_temp_path {root}/proxy;\n fastcgi_temp_path {root}/fastcgi;\n\
         uwsgi_temp_path {root}/uwsgi;\n scgi_temp_path {root}/scgi;\n\
         server {{\n listen 127.0.0.1:{port} ssl;\n root {root};\n ssl_protocols TLSv1.3;\n\
         ssl_session_tickets off;\n ssl_certificate {certs}/server.pem;\n ssl_certificate_key {certs}/server.key;\n\
         ssl_client_certificate {certs}/ca.pem;\n ssl_verify_client on;\n }}\n}}\n"
    )
}
