//! Accounts, logins and sessions.

use super::{Machine, Session};

/// Why a login is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginProblem {
    /// Wrong user name or password.
    Wrong,
    /// Too many wrong ones: the door is closed for a while, also to the right password.
    Locked,
    /// The session table is full.
    Full,
}

impl Machine {
    /// Checks a user name and password, counting failures for the lockout.
    ///
    /// # Errors
    /// `Wrong` or `Locked`.
    pub fn check_login(&mut self, user: &str, password: &str) -> Result<(), LoginProblem> {
        if self.locked_until > self.now {
            return Err(LoginProblem::Locked);
        }
        let known = |account: &super::Account| {
            account.enabled && account.user == user && account.password == password
        };
        if self.accounts.is_empty() || self.accounts.iter().any(known) {
            return Ok(());
        }
        self.fail_login();
        Err(LoginProblem::Wrong)
    }

    /// Counts a failed login.
    pub fn fail_login(&mut self) {
        self.event("Warning", "Login attempt failed");
        let Some(rule) = self.rules.lockout.clone() else { return };
        let now = self.now;
        self.failures.retain(|at| now.since(*at) < rule.within);
        self.failures.push(now);
        if self.failures.len() >= rule.failures {
            self.failures.clear();
            self.locked_until = now.after(rule.penalty);
            self.note("bmc", "open", "logins blocked");
        }
    }

    /// Makes a session with the given token.
    ///
    /// # Errors
    /// As [`Machine::check_login`], and `Full`.
    pub fn open_session(
        &mut self,
        user: &str,
        password: &str,
        token: String,
    ) -> Result<Session, LoginProblem> {
        self.check_login(user, password)?;
        let max = self.rules.sessions.as_ref().map_or(0, |rules| rules.max);
        if self.sessions.len() >= max {
            return Err(LoginProblem::Full);
        }
        let id = self.next_number().to_string();
        let session = Session { id: id.clone(), token, user: user.into(), created: self.now, used: self.now };
        self.sessions.push(session.clone());
        self.note("session", "none", format!("open {id}"));
        Ok(session)
    }

    /// Finds the session of a token and marks it used; returns its user.
    pub fn use_session(&mut self, token: &str) -> Option<String> {
        let now = self.now;
        let session = self.sessions.iter_mut().find(|session| session.token == token)?;
        session.used = now;
        Some(session.user.clone())
    }

    /// Ends a session; false when there is none of that `Id`.
    pub fn close_session(&mut self, id: &str) -> bool {
        let Some(at) = self.sessions.iter().position(|session| session.id == id) else { return false };
        self.sessions.remove(at);
        self.note("session", format!("open {id}"), "closed");
        true
    }

    pub(super) fn expire_sessions(&mut self) {
        let Some(rules) = &self.rules.sessions else { return };
        let (idle, now) = (rules.idle, self.now);
        let over: Vec<_> = self
            .sessions
            .iter()
            .filter(|session| now.since(session.used) >= idle)
            .map(|session| session.id.clone())
            .collect();
        for id in over {
            self.sessions.retain(|session| session.id != id);
            self.note("session", format!("open {id}"), "expired");
        }
    }
}
