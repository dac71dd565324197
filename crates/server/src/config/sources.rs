//! The raw values of the settings, and where each comes from.

use super::service_links::is_service_link;
use super::settings::{RENAMED, flags, settings};
use super::synonyms::{GENERAL, SPECIFIC};
use clap::ArgMatches;
use std::collections::BTreeMap;

/// The source of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueSource {
    Flag,
    Environment,
    DotEnv,
    Default,
}

/// The values of flags, environment and `.env`, not yet validated.
#[derive(Debug, Default)]
pub struct Sources {
    values: BTreeMap<String, (String, ValueSource)>,
    /// Set by commands that must not create files, not even a missing secret key.
    pub read_only: bool,
}

/// A name that looks like a setting and is none.
pub struct UnknownSetting<'a> {
    pub name: &'a str,
    pub reason: UnknownReason,
}

pub enum UnknownReason {
    /// The setting has this name now.
    RenamedTo(String),
    /// A setting has nearly this name.
    SimilarTo(&'static str),
    /// The name of this setting with `_FILE`, which only secrets and `DATABASE_URL` may have.
    NotInFile(&'static str),
    /// The name clearly means this setting, which is not set.
    Means(&'static str),
    /// The name begins with `COMETCHAT_`.
    HasPrefix,
}

impl Sources {
    /// `environment` holds the variables of the process and of `.env`. Flags take precedence.
    pub fn new(
        matches: &ArgMatches,
        environment: impl Iterator<Item = (String, String, ValueSource)>,
    ) -> Self {
        let mut values: BTreeMap<String, _> =
            environment.map(|(name, value, source)| (name, (value, source))).collect();
        for flag in flags() {
            let name = flag.get_id().as_str();
            // clap merges flags and environment; `environment` already has the latter.
            if let Ok(Some(value)) = matches.try_get_one::<String>(name)
                && matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine)
            {
                values.insert(name.to_owned(), (value.clone(), ValueSource::Flag));
            }
        }
        Self { values, read_only: false }
    }

    #[cfg(test)]
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        let value = |value: &str| (value.to_owned(), ValueSource::Environment);
        let values = pairs.iter().map(|(name, text)| ((*name).into(), value(text))).collect();
        Self { values, read_only: false }
    }

    /// Returns the trimmed value, or `None` if it is unset or empty. Files and `.env` often add white space.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(value, _)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns where the value of the setting comes from.
    pub fn source(&self, name: &str) -> ValueSource {
        match self.values.get(name) {
            Some((value, source)) if !value.trim().is_empty() => *source,
            _ => ValueSource::Default,
        }
    }

    /// Returns the names that are probably meant to be settings. Other programs' variables are ignored.
    pub(super) fn unknown(&self) -> Vec<UnknownSetting<'_>> {
        let is_known = |name: &str| {
            settings().any(|setting| {
                setting.name == name
                    || (setting.may_be_in_file() && name.strip_suffix("_FILE") == Some(setting.name))
            })
        };
        let value_of = |name: &str| self.values.get(name).map(|(value, _)| value.as_str());
        let unknown = self
            .values
            .iter()
            .filter(|(name, (value, _))| !is_known(name) && !is_service_link(name, value, value_of));
        unknown
            .filter_map(|(name, _)| Some(UnknownSetting { name, reason: self.unknown_reason(name)? }))
            .collect()
    }

    /// Returns general names in `.env`, each with the setting that it probably means and that is not set.
    pub(super) fn general_names(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let in_dotenv = GENERAL.iter().filter(|(name, _)| self.source(name) == ValueSource::DotEnv);
        in_dotenv.copied().filter(|(_, setting)| !self.is_set(setting))
    }

    /// Returns whether the setting or its file is set.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.get(name).or_else(|| self.get(&format!("{name}_FILE"))).is_some()
    }

    /// Returns why an unknown name is an error, or `None` if the variable may belong to another program.
    fn unknown_reason(&self, name: &str) -> Option<UnknownReason> {
        let setting = SPECIFIC.iter().find(|(specific, _)| *specific == name).map(|(_, setting)| *setting);
        let meant = setting.filter(|setting| !self.is_set(setting)).map(UnknownReason::Means);
        meant.or_else(|| unknown_reason(name))
    }
}

/// Returns why a name is an error, whatever else is set.
fn unknown_reason(name: &str) -> Option<UnknownReason> {
    let stem = name.strip_suffix("_FILE").unwrap_or(name);
    if let Some((_, new)) = RENAMED.iter().find(|(old, _)| *old == stem) {
        return Some(UnknownReason::RenamedTo(name.replacen(stem, new, 1)));
    }
    if let Some(setting) = settings().find(|setting| name.strip_suffix("_FILE") == Some(setting.name)) {
        return Some(UnknownReason::NotInFile(setting.name));
    }
    // A short name is within two edits of too many other names.
    let mut candidates = settings().map(|setting| setting.name).filter(|candidate| candidate.len() > 6);
    if let Some(similar) = candidates
        .find(|candidate| candidate.eq_ignore_ascii_case(name) || strsim::osa_distance(name, candidate) <= 2)
    {
        return Some(UnknownReason::SimilarTo(similar));
    }
    name.starts_with("COMETCHAT_").then_some(UnknownReason::HasPrefix)
}
