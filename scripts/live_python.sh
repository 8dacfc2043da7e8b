# Where scripts/setup_live puts the Python that live tests ask. Read by the scripts that make and call it, with `source`. The
# folder is named by what is in it: one with other packages is not taken.
live_pins=$(cat "$(dirname "${BASH_SOURCE[0]}")"/{libtorch,pytorch,live}.txt | sha256sum | cut -c1-12)
live_python=${XDG_CACHE_HOME:-$HOME/.cache}/millrace/live-$live_pins/python
