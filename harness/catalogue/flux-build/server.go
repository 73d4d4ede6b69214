package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/metrics"
	"time"
)

// server answers requests, one at a time.
type server struct {
	builder *builder
	out     io.Writer
	// stop is closed when the process is asked to end.
	stop chan struct{}
}

var errRequestTooLong = overLimit("the request is longer than %d bytes", requestMaxBytes)

// serve answers every line of the input until its end, a signal, or a build
// that ran into a limit, which nothing but the end of the process stops.
func (s *server) serve(in io.Reader) error {
	lines, ended := make(chan []byte), make(chan error, 1)
	// Read beside the builds: the input ends with the parent process, and a
	// build must not outlive that.
	go func() {
		reader := bufio.NewReaderSize(in, 1<<16)
		for {
			text, err := readLine(reader)
			if err != nil {
				ended <- err
				return
			}
			lines <- text
		}
	}()
	for {
		select {
		case <-s.stop:
			return nil
		case err := <-ended:
			return endOfInput(err)
		case text := <-lines:
			done := make(chan answer, 1)
			go func() { done <- s.parse(text) }()
			a, err := s.wait(done, ended)
			if a == nil {
				return err
			}
			if err := s.write(*a); err != nil || a.Last {
				return err
			}
		}
	}
}

func endOfInput(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("cannot read a request: %w", err)
}

// wait returns the answer of a build, or nil if the process is to end.
func (s *server) wait(done <-chan answer, ended <-chan error) (*answer, error) {
	started := time.Now()
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	for {
		select {
		case a := <-done:
			return &a, nil
		case <-s.stop:
			return nil, nil
		case err := <-ended:
			return nil, endOfInput(err)
		case <-watch.C:
			message := ""
			heap, stacks := memory()
			switch {
			case time.Since(started) > buildMax:
				message = fmt.Sprintf("the build took longer than %s", buildMax)
			case heap > memoryMaxBytes:
				message = fmt.Sprintf("the build needs more than %d MiB of memory", memoryMaxBytes>>20)
			case stacks > stacksMaxBytes:
				message = "the build does not end: something in the tree contains itself"
			default:
				continue
			}
			// A goroutine cannot be ended from outside: the process ends.
			return &answer{
				ID:      s.builder.current.Load(),
				Outcome: outcomeOverLimit,
				Refusal: &refusal{Stage: stageBuild, Message: message},
				Last:    true,
			}, nil
		}
	}
}

// parse reads a request and builds it.
func (s *server) parse(text []byte) (a answer) {
	var req request
	// One build must not end the others. A panic of kustomize is upstream's
	// own answer; of one elsewhere nobody knows whose it is.
	defer func() {
		if r := recover(); r != nil {
			a = refused(stageBuild, failure(fmt.Errorf("recovered from a panic: %v", r)))
		}
		a.ID = req.ID
	}()
	if len(text) > requestMaxBytes {
		req.ID = idOf(text)
		return refused(stageRequest, errRequestTooLong)
	}
	if err := json.Unmarshal(text, &req); err != nil {
		return refused(stageRequest, failure(fmt.Errorf("cannot read the request: %w", err)))
	}
	s.builder.current.Store(req.ID)
	return s.builder.answer(&req)
}

func (s *server) write(a answer) error {
	text, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("cannot encode an answer: %w", err)
	}
	_, err = s.out.Write(append(text, '\n'))
	return err
}

// idOf returns the number of a request from its start, where the client has
// written it; 0 where it is not there.
func idOf(text []byte) int64 {
	decoder := json.NewDecoder(bytes.NewReader(text))
	for _, expected := range []json.Token{json.Delim('{'), "id"} {
		if token, err := decoder.Token(); err != nil || token != expected {
			return 0
		}
	}
	var id int64
	if err := decoder.Decode(&id); err != nil {
		return 0
	}
	return id
}

// readLine returns a line without its end. Of one that is too long it keeps
// just enough to tell.
func readLine(reader *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := reader.ReadSlice('\n')
		if len(text) <= requestMaxBytes {
			text = append(text, part...)
		}
		switch {
		case err == nil:
			return bytes.TrimSuffix(text, []byte("\n")), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// memory returns what objects on the heap occupy, those of no use included,
// and what stacks do.
func memory() (heap, stacks uint64) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
	}
	metrics.Read(samples)
	return samples[0].Value.Uint64(), samples[1].Value.Uint64()
}
