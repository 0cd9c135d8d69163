//! What the demo acts on: a stand-in for the AWS command line, so that the action's command is the
//! one a real team would run, and nothing leaves the machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::error::{Context as _, Failure};

/// Keeps the status of access keys in a file beside it. It knows the two calls of the demo.
const AWS: &str = r#"#!/bin/sh
# A stand-in for the AWS command line: it keeps the status of access keys in a file beside it,
# and knows `iam update-access-key` and `iam list-access-keys`.
set -eu
state="$(dirname "$0")/../iam-access-keys.txt"
touch "$state"
service="$1 $2"
shift 2
user="" key="" status=""
for argument in "$@"; do
  case "$argument" in
    --user-name=*) user="${argument#*=}" ;;
    --access-key-id=*) key="${argument#*=}" ;;
    --status=*) status="${argument#*=}" ;;
    *) echo "unknown option $argument" >&2; exit 252 ;;
  esac
done
case "$service" in
  "iam update-access-key")
    grep -v "^$user $key " "$state" > "$state.new" || true
    echo "$user $key $status" >> "$state.new"
    mv "$state.new" "$state"
    echo "$key of $user is $status"
    ;;
  "iam list-access-keys")
    grep "^$user $key $status\$" "$state"
    ;;
  *) echo "unknown command $service" >&2; exit 252 ;;
esac
"#;

/// Puts the stand-in into a folder.
pub(crate) fn install(folder: &Path) -> Result<(), Failure> {
    let path = folder.join("aws");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, AWS))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
        .context(format!("writing `{}`", path.display()))
}
