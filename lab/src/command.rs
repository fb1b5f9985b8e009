//! Runs other programs and turns a failure into an error that shows what they said.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// What a finished program left behind.
#[derive(Debug)]
pub struct Output {
    /// Whether it ended with code 0.
    pub success: bool,
    /// Standard output, invalid UTF-8 replaced.
    pub stdout: String,
    /// Standard error, invalid UTF-8 replaced.
    pub stderr: String,
}

/// Runs a program to its end, with `input` on its standard input.
///
/// # Errors
/// When the program cannot be started or its streams break; its own exit code is in the result.
pub fn capture(command: &mut Command, input: &[u8]) -> Result<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{name}`: is its package installed?"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that needs no input may close the pipe first; its exit code tells whether that mattered.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().with_context(|| format!("lost `{name}`"))?;
    Ok(Output {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs a program that has to succeed; returns its standard output.
///
/// # Errors
/// When it cannot be started or ends with another code than 0; the message carries the end of what it wrote.
pub fn run(command: &mut Command, input: &[u8]) -> Result<String> {
    let output = capture(command, input)?;
    if !output.success {
        let name = command.get_program().to_string_lossy();
        bail!("`{name}` failed:\n{}", last_lines(&format!("{}{}", output.stdout, output.stderr), 20));
    }
    Ok(output.stdout)
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_carries_the_last_words() {
        let error = run(Command::new("sh").args(["-c", "echo broken pipe >&2; exit 3"]), b"")
            .expect_err("exit code 3 is a failure");
        assert!(error.to_string().contains("broken pipe"), "{error}");
    }

    #[test]
    fn input_reaches_the_program() {
        assert_eq!(run(&mut Command::new("cat"), b"ciao").unwrap(), "ciao");
    }
}
