// Package isnil finds missing values in interfaces.
package isnil

import "reflect"

// Of reports whether x is nil, an interface that holds a nil pointer, which is how Gorgonia represents a missing value, or a
// nil function.
func Of(x any) bool {
	switch v := reflect.ValueOf(x); v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func:
		return v.IsNil()
	}
	return false
}
