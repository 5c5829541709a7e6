package wsapi

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gatehouse/internal/gateway"
	"gatehouse/internal/websocket"
)

// A topic is a set of connections of one API that get what is sent to it. This
// is beyond AWS. A topic is there as long as somebody is in it, and holds those
// of this node.
type topic struct {
	members []*conn
	at      map[*conn]int // the place of each
}

type topicKey struct{ api, name string }

// TopicsHeader is the header of the answer to $connect that names the topics
// which the connection is in from the beginning.
const TopicsHeader = "Gatehouse-Topics"

// maxTopics bounds the topics that one connection is in, maxTopicName the
// characters of a topic's name. More are refused.
const (
	maxTopics    = 64
	maxTopicName = 128
)

// ErrTopics: the connection is in too many topics.
var ErrTopics = errors.New("the connection is in too many topics")

// ValidTopic tells whether a topic may be called so: letters, digits and -._:
func ValidTopic(name string) bool {
	if name == "" || len(name) > maxTopicName {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == ':':
		default:
			return false
		}
	}
	return true
}

// parseTopics reads a TopicsHeader.
func parseTopics(values []string) ([]string, error) {
	var names []string
	for _, list := range values {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name == "" || slices.Contains(names, name) {
				continue
			}
			if !ValidTopic(name) || len(names) == maxTopics {
				return nil, badTopics
			}
			names = append(names, strings.Clone(name))
		}
	}
	return names, nil
}

var badTopics = gateway.NewFault(gateway.APIConfigurationError, errors.New("the answer to $connect names topics that cannot be"))

// Subscribe puts a connection of an API into a topic.
func (h *Hub) Subscribe(api, name, id string) error {
	if _, _, err := h.find(api, id); err != nil {
		return err
	}
	h.passing.RLock() // from here on it stays where it is
	defer h.passing.RUnlock()
	elsewhere, err := h.enter(api, name, id)
	if err != nil || !elsewhere {
		return err
	}
	return h.tell(&Word{API: api, ID: id, Topic: name, Enter: true})
}

// enter notes that a connection is in a topic. elsewhere: another process has it.
func (h *Hub) enter(api, name, id string) (elsewhere bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, topics := h.topicsLocked(api, id)
	switch {
	case topics == nil:
		return false, ErrGone // meanwhile
	case slices.Contains(*topics, name):
		return false, nil
	case len(*topics) >= maxTopics:
		return false, ErrTopics
	}
	name = strings.Clone(name)
	*topics = append(*topics, name)
	if c != nil {
		h.enterLocked(c, name)
	}
	return c == nil, nil
}

// Unsubscribe takes a connection of an API out of a topic.
func (h *Hub) Unsubscribe(api, name, id string) error {
	if _, _, err := h.find(api, id); err != nil {
		return err
	}
	h.passing.RLock() // as above
	defer h.passing.RUnlock()
	if !h.leave(api, name, id) {
		return nil
	}
	return h.tell(&Word{API: api, ID: id, Topic: name, Leave: true})
}

// leave notes that a connection is not in a topic any more. elsewhere: another
// process has it.
func (h *Hub) leave(api, name, id string) (elsewhere bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, topics := h.topicsLocked(api, id)
	if topics == nil {
		return false // it has ended meanwhile
	}
	if i := slices.Index(*topics, name); i >= 0 {
		*topics = slices.Delete(*topics, i, i+1)
		if c != nil {
			h.leaveLocked(c, name)
		}
	}
	return c == nil
}

// topicsLocked are the topics that a connection is in; nil: it is gone. Without c
// another process has it.
func (h *Hub) topicsLocked(api, id string) (c *conn, topics *[]string) {
	c, l := h.lookupLocked(api, id)
	switch {
	case l != nil:
		return nil, &l.Topics
	case c != nil:
		return c, &c.topics
	}
	return nil, nil
}

func (h *Hub) enterLocked(c *conn, name string) {
	key := topicKey{c.api, name}
	t := h.topics[key]
	if t == nil {
		t = &topic{at: make(map[*conn]int)}
		h.topics[key] = t
	}
	t.at[c] = len(t.members)
	t.members = append(t.members, c)
}

func (h *Hub) leaveLocked(c *conn, name string) {
	key := topicKey{c.api, name}
	t := h.topics[key]
	i, last := t.at[c], len(t.members)-1
	t.members[i] = t.members[last]
	t.at[t.members[i]] = i
	t.members[last] = nil
	t.members = t.members[:last]
	delete(t.at, c)
	if last == 0 {
		delete(h.topics, key)
	}
}

// Subscribers returns how many connections of an API are in a topic.
func (h *Hub) Subscribers(api, name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.passedLocked(api, name)
	if t := h.topics[topicKey{api, name}]; t != nil {
		n += len(t.members)
	}
	return n
}

// passedLocked is how many connections in a topic have passed to another process.
func (h *Hub) passedLocked(api, name string) (n int) {
	for _, l := range h.passed {
		if l.API == api && slices.Contains(l.Topics, name) {
			n++
		}
	}
	return n
}

// members is a topic as it is now.
func (h *Hub) members(api, name string) []*conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[topicKey{api, name}]; t != nil {
		return slices.Clone(t.members)
	}
	return nil
}

// Broadcast sends a message to all connections in a topic, and waits for none of
// them. It returns how many have it, or have it in their queue, and how many
// were lost or too slow: those are cut off. What is not UTF-8 must have been
// replaced.
func (h *Hub) Broadcast(api, name string, message []byte) (sent, lost int) {
	h.passing.RLock()
	defer h.passing.RUnlock()
	members := h.members(api, name)
	frames := websocket.AppendText(nil, message, h.opt.Limits.Frame)
	var taken, refused atomic.Int64
	var wg sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), 1+len(members)/broadcastShare)
	for w := range workers {
		share := members[w*len(members)/workers : (w+1)*len(members)/workers]
		wg.Go(func() {
			sent, lost := offer(share, frames)
			taken.Add(int64(sent))
			refused.Add(int64(lost))
		})
	}
	wg.Wait()
	sent, lost = h.broadcastElsewhere(api, name, message)
	return sent + int(taken.Load()), lost + int(refused.Load())
}

// broadcastElsewhere is Broadcast to the connections that another process has.
func (h *Hub) broadcastElsewhere(api, name string, message []byte) (sent, lost int) {
	h.mu.Lock()
	n := h.passedLocked(api, name)
	h.mu.Unlock()
	if n == 0 {
		return 0, 0
	}
	if h.tellMessage(Word{API: api, Topic: name}, message) != nil {
		return 0, n
	}
	return n, 0
}

// offer offers frames to connections, and returns how many took them and how
// many did not.
func offer(to []*conn, frames []byte) (sent, lost int) {
	for _, c := range to {
		switch {
		case !c.isOpen(): // it has not got its 101 yet
		case c.ws.Offer(frames):
			sent++
		default:
			lost++
		}
	}
	return sent, lost
}

// broadcastShare is how many connections are worth a goroutine.
const broadcastShare = 512

// isOpen tells whether c can be sent messages.
func (c *conn) isOpen() bool {
	select {
	case <-c.open:
		return c.ws != nil
	default:
		return false
	}
}
