# How scripts install what they pin from PyPI, read by them with `source`.

# install_pinned FOLDER PINS...: the packages that the files name, each with the hash of its wheel, into a folder that is not
# there yet. Ends the script where that fails: with 75 when the registry refuses the connection, which says nothing about
# Millrace, else with 1. pip's messages go to stderr; its exit code alone does not tell these apart.
install_pinned() {
  local folder=$1 name log pins=()
  shift
  name=$(basename "$0")
  for file; do pins+=(--requirement "$file"); done
  mkdir "$folder.tmp"
  log=$folder.tmp/pip.log
  if ! TMPDIR=$folder.tmp python3 -m pip --quiet --disable-pip-version-check --no-cache-dir --retries 2 install \
    --target "$folder" --no-deps --only-binary=:all: --require-hashes "${pins[@]}" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    # pip says that it retries while it may still succeed; the last of these words is what it failed of.
    if grep -oE 'Connection refused|DO NOT MATCH THE HASHES|HTTP error|No space left' "$log" | tail -n 1 | grep -q refused; then
      echo "$name: the package registry refuses the connection (pip's words are above)" >&2
      exit 75
    fi
    echo "$name: pip could not install what $* name (its words are above)" >&2
    exit 1
  fi
  rm -rf "$folder.tmp"
}
