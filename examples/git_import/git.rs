//! What is asked of git.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};

use super::parse;
use super::support::cli::Failure;

/// The part of a repository's history that is imported.
pub(crate) struct History {
    path: Option<PathBuf>,
    /// What `git log` takes to say where to begin; `None` where there is not a single commit.
    start: Option<String>,
    limit: Option<u64>,
}

impl History {
    /// What HEAD, or any branch or tag, leads to: the newest `limit` commits of it.
    ///
    /// Without a path it is the repository that git finds by itself.
    pub(crate) fn new(
        path: Option<PathBuf>,
        all: bool,
        limit: Option<u64>,
    ) -> Result<History, Failure> {
        let mut history = History { path, start: None, limit };
        // Complains if there is no repository.
        history.output(&["rev-parse", "--git-dir"])?;
        if all {
            history.start = Some("--all".to_owned());
        } else {
            // Fails silently for a branch without commits. Commits that are made from here on
            // are not looked at.
            let head = history.command(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
            let head = { head }.stderr(Stdio::null()).output()?;
            let name = String::from_utf8_lossy(&head.stdout).trim().to_owned();
            history.start = head.status.success().then_some(name);
        }
        Ok(history)
    }

    pub(crate) fn path(&self) -> String {
        self.path.as_deref().map_or_else(|| ".".to_owned(), |path| path.display().to_string())
    }

    /// Whether there is not even a commit to begin with.
    pub(crate) fn is_empty(&self) -> bool {
        self.start.is_none()
    }

    /// The number of commits.
    pub(crate) fn count(&self) -> Result<u64, Failure> {
        let Some(walk) = self.walk(&["rev-list", "--count"]) else { return Ok(0) };
        Ok(String::from_utf8(walk.output()?)?.trim().parse()?)
    }

    /// Each commit with its parents, as `git rev-list --parents` prints them.
    pub(crate) fn parents(&self) -> Result<Vec<String>, Failure> {
        let Some(walk) = self.walk(&["rev-list", "--parents"]) else { return Ok(Vec::new()) };
        Ok(String::from_utf8(walk.output()?)?.lines().map(str::to_owned).collect())
    }

    /// The number of different e-mail addresses of authors.
    pub(crate) fn author_count(&self) -> Result<usize, Failure> {
        let format = &["log", "-z", "--encoding=none", "--format=tformat:%ae"];
        let Some(walk) = self.walk(format) else { return Ok(0) };
        let output = walk.output()?;
        let ended = output.strip_suffix(b"\0").unwrap_or(&output);
        if output.is_empty() {
            return Ok(0);
        }
        Ok(ended.split(|&byte| byte == 0).collect::<HashSet<_>>().len())
    }

    /// Runs `git log`.
    pub(crate) fn log(&self) -> Result<Option<Running>, Failure> {
        let format = format!("--format={}", parse::FORMAT);
        let arguments = [
            "log",
            "-z",
            "--numstat",
            "--find-renames",
            // Bytes come as they are in the commit, whatever encoding it claims.
            "--encoding=none",
            &format,
            // Whatever the configuration says, the output must not change its form.
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--no-show-signature",
            "--no-notes",
            "--ignore-submodules=none",
            "--submodule=short",
        ];
        self.walk(&arguments).map(Walk::start).transpose()
    }

    /// A process that looks up objects.
    pub(crate) fn objects(&self) -> Result<Objects, Failure> {
        let mut command = self.command(&["cat-file", "--batch"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(cannot_run)?;
        let stdin = child.stdin.take().ok_or("git has no stdin")?;
        let stdout = BufReader::new(child.stdout.take().ok_or("git has no stdout")?);
        Ok(Objects { child, stdin: Some(stdin), stdout })
    }

    /// A command that walks the commits.
    fn walk(&self, arguments: &[&str]) -> Option<Walk> {
        let start = self.start.as_ref()?;
        let mut command = self.command(arguments);
        if let Some(limit) = self.limit {
            command.arg(format!("--max-count={limit}"));
        }
        command.arg(start).arg("--");
        Some(Walk(command))
    }

    fn output(&self, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
        Walk(self.command(arguments)).output()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        if let Some(path) = &self.path {
            // Set for hooks, for example, these would win over the path.
            for name in [
                "GIT_DIR",
                "GIT_WORK_TREE",
                "GIT_COMMON_DIR",
                "GIT_INDEX_FILE",
                "GIT_OBJECT_DIRECTORY",
                "GIT_ALTERNATE_OBJECT_DIRECTORIES",
                "GIT_NAMESPACE",
                "GIT_PREFIX",
            ] {
                command.env_remove(name);
            }
            command.arg("-C").arg::<&OsStr>(path.as_ref());
        }
        let settings = ["core.quotePath=off", "log.showRoot=true", "diff.relative=false"];
        command.args(settings.iter().flat_map(|setting| ["-c", setting]));
        command.args(arguments).stdin(Stdio::null());
        command
    }
}

struct Walk(Command);

impl Walk {
    fn start(mut self) -> Result<Running, Failure> {
        let mut child =
            self.0.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(cannot_run)?;
        let stdout = child.stdout.take().ok_or("git has no stdout")?;
        let mut stderr = child.stderr.take().ok_or("git has no stderr")?;
        // Read on the side: git would stand still once the pipe is full.
        let complaints = thread::spawn(move || {
            let mut complaints = Vec::new();
            let _ = stderr.read_to_end(&mut complaints);
            String::from_utf8_lossy(&complaints).trim().to_owned()
        });
        Ok(Running { child, stdout: BufReader::with_capacity(1 << 16, stdout), complaints })
    }

    fn output(self) -> Result<Vec<u8>, Failure> {
        let mut running = self.start()?;
        let mut output = Vec::new();
        running.stdout.read_to_end(&mut output)?;
        running.finish()?;
        Ok(output)
    }
}

fn cannot_run(error: io::Error) -> Failure {
    format!("cannot run git: {error}").into()
}

/// A git command that is running.
pub(crate) struct Running {
    child: Child,
    pub(crate) stdout: BufReader<ChildStdout>,
    complaints: JoinHandle<String>,
}

impl Running {
    /// Waits for the end, once everything is read. Gives git's warnings.
    ///
    /// # Errors
    ///
    /// When git has failed.
    pub(crate) fn finish(mut self) -> Result<String, Failure> {
        let status = self.child.wait()?;
        let complaints = self.complaints.join().unwrap_or_default();
        if status.success() {
            return Ok(complaints);
        }
        Err(format!("git failed ({status}): {complaints}").into())
    }

    /// What to say when the output could not be read: git's own complaint, if it has one.
    pub(crate) fn fail(mut self, error: io::Error) -> Failure {
        let _ = self.child.kill();
        let complaints = self.complaints.join().unwrap_or_default();
        let _ = self.child.wait();
        if complaints.is_empty() { error.into() } else { format!("{error}: {complaints}").into() }
    }
}

/// A `git cat-file --batch`.
pub(crate) struct Objects {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Objects {
    /// The content of an object.
    pub(crate) fn get(&mut self, name: &str) -> Result<Vec<u8>, Failure> {
        let stdin = self.stdin.as_mut().ok_or("git is not running")?;
        writeln!(stdin, "{name}")?;
        stdin.flush()?;
        // `NAME commit SIZE`, the content, and a line break.
        let mut header = String::new();
        self.stdout.read_line(&mut header)?;
        let size = header.split_whitespace().nth(2).and_then(|size| size.parse().ok());
        let size: usize = size.ok_or_else(|| format!("git cannot read {name}: {header}"))?;
        let mut content = vec![0; size + 1];
        self.stdout.read_exact(&mut content)?;
        content.pop();
        Ok(content)
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        // The end of its input is the end of the command.
        self.stdin = None;
        let _ = self.child.wait();
    }
}
