package distributed

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// TestCable is the cable between the hosts of test.sh where it has a delay, which not every kernel can add: hosts.sh starts
// it with the names of their network devices (tun), the packets of which it carries, each after LAYERNOISE_TEST_DELAY, until
// it is killed. The last byte of the hosts' addresses is their number, from 1.
func TestCable(t *testing.T) {
	names := strings.Fields(os.Getenv("LAYERNOISE_TEST_CABLE"))
	if len(names) == 0 {
		t.Skip("bash optim/distributed/test.sh starts it")
	}
	delay, err := time.ParseDuration(os.Getenv("LAYERNOISE_TEST_DELAY"))
	if err != nil {
		t.Fatal(err)
	}
	type packet struct {
		data []byte
		due  time.Time
	}
	ends := make([]chan packet, len(names))
	for i := range ends {
		ends[i] = make(chan packet, 1<<14)
	}
	for i, name := range names {
		device, err := openTun(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		go func() {
			for p := range ends[i] {
				time.Sleep(time.Until(p.due))
				_, _ = device.Write(p.data) // which is an error while the host is unplugged
			}
		}()
		go func() {
			for {
				data := make([]byte, 1<<16)
				n, err := device.Read(data)
				if err != nil {
					time.Sleep(time.Millisecond)
					continue
				}
				const version, destination = 0, 16 // in the header
				if n < 20 || data[version]>>4 != 4 {
					continue
				}
				to := int(data[destination+3]) - 1
				if to < 0 || to >= len(ends) {
					continue
				}
				select {
				case ends[to] <- packet{data[:n], time.Now().Add(delay)}:
				default: // it is lost, as in any full queue
				}
			}
		}()
	}
	if err := os.WriteFile(os.Getenv("LAYERNOISE_TEST_READY"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	select {}
}

// openTun opens a network device whose packets are read and written by this process.
func openTun(name string) (*os.File, error) {
	fd, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	request := struct {
		name  [16]byte
		flags uint16
		rest  [22]byte
	}{flags: syscall.IFF_TUN | syscall.IFF_NO_PI}
	copy(request.name[:15], name)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TUNSETIFF, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return nil, errno
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}
