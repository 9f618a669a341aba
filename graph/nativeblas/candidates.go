package nativeblas

import "runtime"

// candidates returns the libraries to try on this machine, best first.
func candidates() []string {
	if runtime.GOOS == "darwin" {
		return []string{
			"/System/Library/Frameworks/Accelerate.framework/Accelerate",
			"/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
			"/usr/local/opt/openblas/lib/libopenblas.dylib",
		}
	}
	return []string{
		"libopenblas.so.0", "libopenblas.so",
		"libmkl_rt.so.2", "libmkl_rt.so",
		"libblis.so.4", "libblis.so",
	}
}
