# Where scripts/setup_dev puts the tools that scripts/dev.txt pins. Read by the scripts that install and call them, with
# `source`. The folder is named by what is in it: tools of other versions are not taken.
dev_tools=${XDG_CACHE_HOME:-$HOME/.cache}/millrace/dev-$(sha256sum <"$(dirname "${BASH_SOURCE[0]}")/dev.txt" | cut -c1-12)
clang_format=$dev_tools/clang_format/data/bin/clang-format
clang_tidy=$dev_tools/clang_tidy/data/bin/clang-tidy
clang_tidy_diff=$dev_tools/clang_tidy/data/bin/clang-tidy-diff.py
