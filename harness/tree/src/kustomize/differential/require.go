// Package require stands for the one of testify, as package assert does. Without what it needs a test ends.
package require

type T interface{ FailNow() }

func Equal(T, any, any, ...any)              {}
func Error(T, error, ...any)                 {}
func ErrorContains(T, error, string, ...any) {}
func ErrorIs(T, error, error, ...any)        {}
func Regexp(T, any, any, ...any)             {}
func NoError(t T, err error, _ ...any) {
	if err != nil {
		t.FailNow()
	}
}
