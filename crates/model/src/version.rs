//! Which versions of an instance suit which versions of a client (row 38).

use semver::{Version, VersionReq};

/// Which instances suit a client, by version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VersionPolicy {
    /// Those of the client's own version; build metadata aside, which tells no versions apart.
    Exact,
    /// Those whose version lies in the type's range.
    #[default]
    Compatible,
    /// All of them.
    Any,
}

/// Whether an instance suits a client: who states no version is not restricted by it (row 40), and an instance that
/// has not reported one is not either. `range`: the type's `instance.version`.
pub fn suits(
    policy: VersionPolicy,
    range: Option<&VersionReq>,
    instance_version: Option<&Version>,
    client_version: Option<&Version>,
) -> bool {
    let (Some(instance), Some(client)) = (instance_version, client_version) else {
        return true;
    };
    match policy {
        VersionPolicy::Exact => instance.cmp_precedence(client).is_eq(),
        VersionPolicy::Compatible => range.is_none_or(|range| range.matches(instance)),
        VersionPolicy::Any => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row38_exact_is_equality_compatible_the_types_range_and_any_everything() {
        use VersionPolicy::{Any, Compatible, Exact};
        let version = |text: &str| Some(Version::parse(text).unwrap());
        let range: VersionReq = ">=1.4,<2".parse().unwrap();
        for (policy, instance, client, expected) in [
            (Exact, "1.4.2", "1.4.2", true),
            (Exact, "1.4.2+linux", "1.4.2", true),
            (Exact, "1.4.2", "1.4.3", false),
            (Exact, "1.4.2-rc.1", "1.4.2", false),
            (Compatible, "1.4.2", "1.9.0", true),
            (Compatible, "1.4.2", "3.0.0", true),
            (Compatible, "2.0.0", "2.0.0", false),
            (Any, "2.0.0", "1.0.0", true),
        ] {
            let (instance, client) = (version(instance), version(client));
            let suits = |instance: &Option<Version>, client: &Option<Version>| {
                super::suits(policy, Some(&range), instance.as_ref(), client.as_ref())
            };
            assert_eq!(
                suits(&instance, &client),
                expected,
                "{policy:?} {instance:?}"
            );
            assert!(suits(&instance, &None), "who states none");
            assert!(suits(&None, &client), "an instance that reports none");
        }
        let (old, new) = (version("0.1.0"), version("9.0.0"));
        assert!(suits(Compatible, None, old.as_ref(), new.as_ref()));
    }
}
