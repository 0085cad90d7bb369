package embedded

import (
	"net"
	"sync"
)

// maxGathered is how many bytes of answers are held back at most.
const maxGathered = 64 << 10

// gathered is a connection of the embedded lead store's. The engine writes the answer to each command by itself, which costs a pipeline of
// a hundred commands a hundred writes, and its client as many reads. Here answers are held back as long as the engine has more
// commands of the connection to read, and go out together when it waits for the next.
//
// It relies on the engine answering what it has read before it reads on for long: a command that blocks would hold back the answers before
// it. The lead store sends none.
type gathered struct {
	net.Conn

	mu sync.Mutex
	// held are answers that have not been written yet. waiting: the engine is reading, and has nothing left of what it has read before
	// but, at most, the command that it is about to answer.
	held    []byte
	waiting bool
}

// Read sends what is held back, and reads. Once the other side has closed, nothing is held back any more.
func (c *gathered) Read(p []byte) (int, error) {
	c.mu.Lock()
	c.waiting = true
	_ = c.send() // a connection that cannot be written to shows when it is read from
	c.mu.Unlock()
	n, err := c.Conn.Read(p)
	if err == nil {
		c.mu.Lock()
		c.waiting = false
		c.mu.Unlock()
	}
	return n, err
}

// Write takes an answer. Of one that is held back nobody is told that it could not be written.
func (c *gathered) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = append(c.held, p...)
	if c.waiting || len(c.held) >= maxGathered {
		if err := c.send(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// send writes what is held back; c.mu is held.
func (c *gathered) send() error {
	if len(c.held) == 0 {
		return nil
	}
	_, err := c.Conn.Write(c.held)
	if c.held = c.held[:0]; cap(c.held) > maxGathered {
		c.held = nil // one large answer does not keep its room
	}
	return err
}
