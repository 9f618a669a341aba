package datasets

import (
	"context"

	"github.com/layernoise/layernoise/internal/lockfile"
)

// lockPath waits until this call alone holds the lock file at path, and returns
// how to give it back. Once, if it has to wait, it calls waiting. Where files
// cannot be locked it returns at once.
func lockPath(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	for waited := false; ; {
		if unlock, err = lockfile.Try(path); unlock != nil || err != nil {
			return unlock, err
		}
		if !waited {
			waited = true
			waiting()
		}
		if err := pause(ctx, fetchPause); err != nil {
			return nil, err
		}
	}
}
