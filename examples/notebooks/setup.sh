#!/usr/bin/env bash
# Sets up Jupyter's headless tools and the kernel "Go (layernoise)" for the current user, on a Debian machine that
# has Go. Run it again after a change to the library: the kernel holds the library as it was when this script ran.
#
#	bash examples/notebooks/setup.sh
#
# The kernel is gophernotes with the packages below linked in, so that a cell imports them at once, by their ordinary
# paths, without a compiler or a network. It needs neither cgo nor a C compiler.
set -euo pipefail

packages=(
	github.com/layernoise/layernoise/datasets
	github.com/layernoise/layernoise/graph
	github.com/layernoise/layernoise/layers
	github.com/layernoise/layernoise/optim
	gonum.org/v1/gonum/mat
	gonum.org/v1/plot
	gonum.org/v1/plot/plotter
	gonum.org/v1/plot/vg
	gonum.org/v1/plot/vg/draw
	gonum.org/v1/plot/vg/vgimg
	gorgonia.org/gorgonia
	gorgonia.org/tensor
)
gophernotes=github.com/gopherdata/gophernotes@v0.7.5
gomacro=github.com/cosmos72/gomacro@v0.0.0-20260901205243-0df6c0cd20af # the interpreter inside gophernotes

repository=$(cd "$(dirname "$0")/../.." && pwd)
build=${XDG_CACHE_HOME:-$HOME/.cache}/layernoise/kernel

step() { printf '\n== %s\n' "$*"; }

# mend FILE SCRIPT edits FILE with sed, and fails if that changes nothing.
mend() {
	sed "$2" "$1" >"$1.mended"
	if cmp -s "$1" "$1.mended"; then
		echo "setup: $1 is not as expected" >&2
		exit 1
	fi
	mv "$1.mended" "$1"
}

# unpack MODULE@VERSION FOLDER copies a module out of the read-only module cache.
unpack() {
	(cd / && go mod download "$1")
	mkdir -p "$2"
	cp -r "$(cd / && go list -m -f '{{.Dir}}' "$1")/." "$2"
	chmod -R u+w "$2"
}

if ! jupyter nbconvert --version >/dev/null 2>&1; then
	step "Jupyter"
	sudo=$([ "$(id -u)" = 0 ] || echo sudo)
	$sudo apt-get update
	$sudo apt-get install -y --no-install-recommends jupyter-nbconvert jupyter-client jupyter-core python3-ipykernel
fi

export CGO_ENABLED=0 GOFLAGS=-mod=mod GOWORK=off
goline=$(cd "$repository" && go list -m -f '{{.GoVersion}}')

step "sources of the kernel"
# The place of gomacro is not free: it writes the bindings of packages that are to be linked in below GOPATH/src.
rm -rf "$build"
interpreter=$build/src/github.com/cosmos72/gomacro
kernel=$build/gophernotes
unpack "$gomacro" "$interpreter"
unpack "$gophernotes" "$kernel"

# Versions are those of the library's go.mod: no newest ones, and no lines about generic functions in the output of cells.
mend "$interpreter/base/genimport/importer_load.go" 's/if mode != ImInception {/if mode == ImPlugin {/'
mend "$interpreter/go/types/converter.go" 's|fmt.Printf("// warning: skipping import|_ = fmt.Sprintf("// warning: skipping import|'
# A compiled type that refers to itself, such as gorgonia.Node, stays that type: a slice of nodes would become one of empty interfaces.
mend "$interpreter/xreflect/named.go" '/^\t\topt = OptIncomplete$/d'
# The kernel does not start as released: this proxy does not have the method of its interface.
mend "$kernel/x_package.go" '/proxy_JSONer) JSON()\|JSON_  func/s/string/map[string]interface{}/'

for module in "$interpreter" "$kernel"; do
	cat "$repository/go.sum" >>"$module/go.sum"
	(cd "$module" && go mod edit -go="$goline" -require=github.com/layernoise/layernoise@v0.0.0 \
		-replace=github.com/layernoise/layernoise="$repository")
done
(cd "$kernel" && go mod edit -require="$gomacro" -replace="${gomacro%@*}=$interpreter")

step "bindings of ${#packages[@]} packages"
{
	echo 'import ('
	printf '\t_3 "%s"\n' "${packages[@]}"
	echo ')'
} >"$build/packages.gomacro"
bindings() {
	GOMODCACHE=$(go env GOMODCACHE) GOPATH=$build go run . "$build/packages.gomacro" || return
	for package in "${packages[@]}"; do
		ls "imports/thirdparty/$(tr -c '[:alnum:]\n' _ <<<"$package").go" || return
	done
	go fmt ./imports/thirdparty # the same text each time, so that Go's build cache knows it
}
cd "$interpreter"
bindings >"$build/bindings.log" 2>&1 || {
	cat "$build/bindings.log"
	exit 1
}

step "kernel"
spec=$(jupyter --data-dir)/kernels/layernoise
mkdir -p "$spec"
cd "$kernel"
go build -o "$spec/gophernotes" .
cp kernel/*.png "$spec"
cat >"$spec/kernel.json" <<'JSON'
{
 "argv": ["{resource_dir}/gophernotes", "{connection_file}"],
 "display_name": "Go (layernoise)",
 "language": "go"
}
JSON
echo "$spec"
