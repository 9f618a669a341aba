//go:build (darwin || freebsd || linux || netbsd) && (amd64 || arm64) && !android

package distributed

import (
	"os"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/pkg/errors"
)

// library is an open MPI library: a transport. Its methods are called on one thread, or if serialized by one at a time.
type library struct {
	abi
	functions
	name       string // what it calls itself
	hangs      bool   // in MPI_Finalize, now and then: see leave
	firstPMI   bool   // what it talks to the launcher by, unless the environment says another
	serialized bool   // it may be called on any thread, by one at a time
}

// underWay is the messages whose memory MPI may still read or write. Those of a broken world stay here as long as the
// process lives, whatever becomes of the world.
var underWay = make(map[*operation]struct{})

// abi is MPI's constants that are needed: the standard leaves them to the library (to the standard itself from MPI 5 on).
type abi struct {
	world, bytes, errorsReturn uintptr // handles

	// MPI_THREAD_FUNNELED: all calls come from the thread that initialised MPI. MPI_THREAD_SERIALIZED: from one thread at a time.
	oneThread, oneAtATime int32
}

// Two ABIs are numbers. The one of MPICH is shared by Intel MPI, MVAPICH and Cray MPICH; the standard's is that of MPI 5.
// In Open MPI the handles are addresses of variables.
var (
	mpichABI    = abi{world: 0x44000000, bytes: 0x4c00010d, errorsReturn: 0x54000001, oneThread: 1, oneAtATime: 2}
	standardABI = abi{world: 0x101, bytes: 0x247, errorsReturn: 0x143, oneThread: 1024, oneAtATime: 2048}
)

// hasStandardABI reports whether a library has the standard's ABI. From MPI 5 on each library says so; one and the same may come
// in two builds.
func hasStandardABI(handle uintptr) bool {
	version, err := purego.Dlsym(handle, "MPI_Abi_get_version")
	if err != nil {
		return false
	}
	out := newResults()
	defer runtime.KeepAlive(out)
	purego.SyscallN(version, address(&out.a), address(&out.b))
	return out.a >= 1 // -1 where it has one of its own
}

func openMPIABI(handle uintptr) (a abi, err error) {
	a.oneThread, a.oneAtATime = 1, 2
	for symbol, p := range map[string]*uintptr{
		"ompi_mpi_comm_world":    &a.world,
		"ompi_mpi_byte":          &a.bytes,
		"ompi_mpi_errors_return": &a.errorsReturn,
	} {
		if *p, err = purego.Dlsym(handle, symbol); err != nil {
			return a, err
		}
	}
	return a, nil
}

// functions are those of MPI that are called.
type functions struct {
	initThread, finalize, abort, rank, size, isend, irecv, test, setErrhandler, errorString, version uintptr

	yield, usleep uintptr // of C
}

func openFunctions(handle uintptr) (f functions, err error) {
	for symbol, p := range map[string]*uintptr{
		"MPI_Init_thread":         &f.initThread,
		"MPI_Finalize":            &f.finalize,
		"MPI_Abort":               &f.abort,
		"MPI_Comm_rank":           &f.rank,
		"MPI_Comm_size":           &f.size,
		"MPI_Isend":               &f.isend,
		"MPI_Irecv":               &f.irecv,
		"MPI_Test":                &f.test,
		"MPI_Comm_set_errhandler": &f.setErrhandler,
		"MPI_Error_string":        &f.errorString,
		"MPI_Get_library_version": &f.version,
		"sched_yield":             &f.yield,
		"usleep":                  &f.usleep,
	} {
		if *p, err = purego.Dlsym(handle, symbol); err != nil {
			return f, err
		}
	}
	return f, nil
}

// candidates are the libraries that are tried, the launcher's own kind first.
func candidates(l launch) []string {
	openMPI := []string{"libmpi.so.40", "libmpi.so.80"}
	mpich := []string{"libmpich.so.12", "libmpi.so.12"}
	standard := []string{"libmpi_abi.so.1"}
	any := []string{"libmpi.so", "libmpi.dylib"}
	if l.openMPI {
		return concat(openMPI, standard, any, mpich)
	}
	return concat(mpich, standard, openMPI, any)
}

func concat(lists ...[]string) (all []string) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// open opens the library at path, or the first that is found if path is empty. It starts nothing.
func open(path string, l launch) (*library, error) {
	names := candidates(l)
	if path != "" {
		names = []string{path}
	}
	// UCX, below some MPICHs, would take SIGSEGV from Go's runtime, which needs it.
	setenv("UCX_ERROR_SIGNALS", "")
	var failed []string
	for _, name := range names {
		handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL)
		if err != nil {
			failed = append(failed, err.Error())
			continue
		}
		lib, err := newLibrary(handle, name)
		return lib, errors.Wrapf(err, "distributed: %s is no MPI library that can be used", name)
	}
	if path != "" {
		return nil, errors.Errorf("distributed: the MPI library that LAYERNOISE_MPI or Config.Library names does not open: %s", failed[0])
	}
	return nil, errors.Errorf("distributed: no MPI library was found; install Open MPI or MPICH (Debian: libopenmpi3 or libmpich12), "+
		"or name one in LAYERNOISE_MPI: %s", strings.Join(failed, "; "))
}

func newLibrary(handle uintptr, path string) (*library, error) {
	lib := new(library)
	var err error
	if lib.functions, err = openFunctions(handle); err != nil {
		return nil, err
	}
	text := lib.describe()
	lib.name, lib.hangs, lib.firstPMI = summary(text), finalizeHangs(text), !strings.Contains(text, "--with-pmi")
	switch {
	case hasStandardABI(handle):
		lib.abi = standardABI
	case strings.Contains(path, "mpi_abi"):
		err = errors.New("its ABI is that of a draft of MPI 5")
	case strings.Contains(lib.name, "Open MPI"):
		lib.abi, err = openMPIABI(handle)
	default:
		lib.abi = mpichABI
	}
	return lib, err
}

// setenv sets a variable in C's environment, which Go's os.Setenv does not change.
func setenv(name, value string) {
	if _, set := os.LookupEnv(name); set {
		return
	}
	function, err := purego.Dlsym(purego.RTLD_DEFAULT, "setenv")
	if err != nil {
		return // there is no C library yet: a static program, whose environment nobody reads
	}
	var set func(name, value string, overwrite int32) int32
	purego.RegisterFunc(&set, function)
	set(name, value, 0)
}

// results is memory that MPI writes to.
type results struct {
	a, b int32
	text [8192]byte // MPI_MAX_LIBRARY_VERSION_STRING of Open MPI and MPICH is not more
}

// newResults returns results on the heap. The compiler would put them on the stack where only their address, as a number,
// leaves a function; and a call by purego may move the stack.
//
//go:noinline
func newResults() *results { return new(results) }

func (r *results) String() string { return strings.TrimRight(string(r.text[:max(0, r.a)]), "\x00 \n") }

func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// describe returns what the library says of itself.
func (l *library) describe() string {
	out := newResults()
	defer runtime.KeepAlive(out)
	purego.SyscallN(l.version, address(&out.text[0]), address(&out.a))
	return out.String()
}

// summary returns the first line of it, which is the name and the version.
func summary(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.Join(strings.Fields(strings.ReplaceAll(line, "MPICH Version:", "MPICH ")), " ")
}

// call calls a function of MPI, and returns what its error code says, in one line.
func (l *library) call(what string, function uintptr, args ...uintptr) error {
	code, _, _ := purego.SyscallN(function, args...)
	if int32(code) == 0 {
		return nil
	}
	out := newResults()
	purego.SyscallN(l.errorString, code, address(&out.text[0]), address(&out.a))
	return errors.Errorf("%s: %s (%s)", what, strings.Join(strings.Fields(out.String()), " "), l.name)
}

// start initialises MPI and returns the rank and the size of the world.
func (l *library) start() (rank, size int, err error) {
	out := newResults()
	defer runtime.KeepAlive(out)
	if err := l.call("MPI_Init_thread", l.initThread, 0, 0, uintptr(l.oneAtATime), address(&out.a)); err != nil {
		return 0, 0, err
	}
	if out.a < l.oneThread {
		return 0, 0, errors.Errorf("%s was built without threads: a Go program always has several", l.name)
	}
	l.serialized = out.a >= l.oneAtATime
	if err := l.call("MPI_Comm_set_errhandler", l.setErrhandler, l.world, l.errorsReturn); err != nil {
		return 0, 0, err
	}
	if err := l.call("MPI_Comm_rank", l.rank, l.world, address(&out.a)); err != nil {
		return 0, 0, err
	}
	err = l.call("MPI_Comm_size", l.size, l.world, address(&out.b))
	return int(out.a), int(out.b), err
}

func (l *library) stop() error {
	if l.hangs && l.firstPMI {
		if launcher, ok := launcherSocket(); ok {
			return l.leave(launcher)
		}
	}
	if err := l.call("MPI_Finalize", l.finalize); err != nil {
		return err
	}
	if l.abi == mpichABI || l.abi == standardABI {
		runAtExit()
	}
	return nil
}

// runAtExit calls what C's libraries want to be called at the end of the process. Go's ends without it. From MPICH 4.2 on
// that tells the launcher that this rank ends in order, and without it the launcher would kill the ranks that end a moment
// later.
func runAtExit() {
	if finalize, err := purego.Dlsym(purego.RTLD_DEFAULT, "__cxa_finalize"); err == nil {
		purego.SyscallN(finalize, 0)
	}
}

func (l *library) kill(code int) { purego.SyscallN(l.abort, l.world, uintptr(code)) }

// idle first lets other goroutines of this process go on, and then other processes. It does not sleep by time.Sleep, which
// takes a millisecond at least where nothing else runs. A thread that is MPI's own does not leave its place among Go's
// threads.
func (l *library) idle(d time.Duration) {
	if l.serialized {
		runtime.Gosched()
	}
	if d == 0 {
		purego.SyscallN(l.yield)
		return
	}
	purego.SyscallN(l.usleep, uintptr(d.Microseconds()))
}

func (l *library) String() string { return l.name }

// operation is a message under way. MPI writes to it and to data until it is done.
type operation struct {
	handle uint64 // an int in MPICH, a pointer elsewhere
	flag   int32
	status [16]uint64 // more than any library's MPI_Status
	data   []byte
	pinned runtime.Pinner
}

func (l *library) begin(what string, function uintptr, data []byte, peer, tag int) (pending, error) {
	op := &operation{data: data}
	op.pinned.Pin(op)
	op.pinned.Pin(unsafe.SliceData(data))
	err := l.call(what, function, address(unsafe.SliceData(data)), uintptr(len(data)), l.bytes,
		uintptr(peer), uintptr(tag), l.world, address(&op.handle))
	if err != nil {
		op.pinned.Unpin()
		return nil, err
	}
	underWay[op] = struct{}{}
	return op, nil
}

func (l *library) send(data []byte, to, tag int) (pending, error) {
	return l.begin("MPI_Isend", l.isend, data, to, tag)
}

func (l *library) receive(data []byte, from, tag int) (pending, error) {
	return l.begin("MPI_Irecv", l.irecv, data, from, tag)
}

func (l *library) done(p pending) (bool, error) {
	op := p.(*operation)
	if err := l.call("MPI_Test", l.test, address(&op.handle), address(&op.flag), address(&op.status[0])); err != nil {
		return false, err
	}
	if op.flag == 0 {
		return false, nil
	}
	op.pinned.Unpin()
	delete(underWay, op)
	return true, nil
}
