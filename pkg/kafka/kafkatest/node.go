package kafkatest

import (
	"context"
	"fmt"
	"syscall"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Node is a broker for programs that are no tests, such as the fault suite.
type Node struct{ srv *server }

// Launch starts a broker. It needs Java, and Maven at the first time.
func Launch(ctx context.Context, opts ...Option) (*Node, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	srv, err := startServer(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	return &Node{srv: srv}, nil
}

// Bootstrap returns the address of the listener PLAINTEXT.
func (n *Node) Bootstrap() string { return n.srv.address(plaintext) }

// Client returns a client that may do everything; the caller closes it.
func (n *Node) Client(opts ...kgo.Opt) (*kgo.Client, error) {
	cl, err := kgo.NewClient(append(n.srv.clientOpts(), opts...)...)
	if err != nil {
		return nil, fmt.Errorf("make a Kafka client: %w", err)
	}
	return cl, nil
}

// CreateTopic creates the topic and returns when every partition's leader answers.
func (n *Node) CreateTopic(ctx context.Context, adm *kadm.Client, topic string, partitions int32) error {
	return createTopic(ctx, adm, topic, partitions)
}

// Stop stops the broker as an operator would.
func (n *Node) Stop() error { return n.srv.stop() }

// Restart starts it again, with the same ports and data.
func (n *Node) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := n.srv.stop(); err != nil {
		return fmt.Errorf("stop Kafka: %w", err)
	}
	return n.srv.start(ctx)
}

// Freeze stops the broker in its tracks: connections stay, nothing answers.
func (n *Node) Freeze() error { return n.srv.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (n *Node) Thaw() error { return n.srv.signal(syscall.SIGCONT) }

// LogTail returns the end of the broker's log.
func (n *Node) LogTail() string { return n.srv.logTail() }

// Close stops the broker and removes its data.
func (n *Node) Close() error { return n.srv.remove() }
