package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// ErrEvicts says that the server would drop keys when its memory is full. A projection that loses single keys is wrong
// without anybody noticing, so such a server is refused; its error says how to set it right.
var ErrEvicts = errors.New("redisstore: the server may evict keys")

// Time-outs where the URL sets none. A store that does not answer for that long counts as unavailable, and a session that
// is opened again costs less than waiting on.
const (
	dialTimeout = 2 * time.Second
	ioTimeout   = 3 * time.Second
)

// Open connects to the Redis at rawURL: redis://[user:password@]host:port[/db], rediss:// for TLS, unix:///path. A server
// in cluster mode is recognised; further seed nodes may be given as ?addr=host:port. Pool sizes and time-outs are set by
// go-redis' URL parameters (?pool_size=, ?read_timeout=, …); retries, replica reads and protocol are not the URL's to set.
//
// ErrUnavailable where the server does not answer (trying again later is right), ErrEvicts where its maxmemory-policy is not
// noeviction. Errors never name the password. log is told of a policy that cannot be found out; it may be nil.
func Open(ctx context.Context, rawURL string, log *slog.Logger) (*Store, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	cluster, err := clusterMode(ctx, rawURL)
	if err != nil {
		return nil, err
	}
	s := &Store{}
	if cluster {
		opt, err := clusterOptions(rawURL)
		if err != nil {
			return nil, err
		}
		c := redis.NewClusterClient(opt)
		s.client, s.master, s.masters = c, c.MasterForKey, c.ForEachMaster
		s.refresh = func() { c.ReloadState(context.Background()) }
	} else {
		opt, err := singleOptions(rawURL)
		if err != nil {
			return nil, err
		}
		c := redis.NewClient(opt)
		s.client = c
		s.master = func(context.Context, string) (*redis.Client, error) { return c, nil }
		s.masters = func(ctx context.Context, fn func(context.Context, *redis.Client) error) error { return fn(ctx, c) }
		s.refresh = func() {}
	}
	err = s.masters(ctx, func(ctx context.Context, c *redis.Client) error { return checkPolicy(ctx, c, log) })
	if err != nil {
		if !errors.Is(err, ErrEvicts) {
			err = unavailable(fmt.Errorf("redisstore: ask for the maxmemory-policy: %w", err))
		}
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// singleOptions reads a URL for one server. Retries are off: a transaction that is sent again on another connection has
// lost its WATCH, and would no longer be guarded.
func singleOptions(rawURL string) (*redis.Options, error) {
	opt, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, urlError(err)
	}
	opt.MaxRetries = -1
	opt.DialerRetries = 1
	opt.Protocol = 2
	opt.ContextTimeoutEnabled = true
	opt.DisableIdentity = true
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	setDefault(&opt.DialTimeout, dialTimeout)
	setDefault(&opt.ReadTimeout, ioTimeout)
	setDefault(&opt.WriteTimeout, ioTimeout)
	return opt, nil
}

// clusterOptions reads a URL for a cluster, with the same settings. Reads go to masters only: a replica may be behind the
// watermark that its reader has already seen. They are redirected once, which is what a slot that has moved takes: more
// would only make a dead server take longer to notice.
func clusterOptions(rawURL string) (*redis.ClusterOptions, error) {
	opt, err := redis.ParseClusterURL(rawURL)
	if err != nil {
		return nil, urlError(err)
	}
	opt.MaxRetries = -1
	opt.DialerRetries = 1
	opt.Protocol = 2
	opt.ContextTimeoutEnabled = true
	opt.DisableIdentity = true
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	opt.MaxRedirects = 1
	opt.ReadOnly, opt.RouteByLatency, opt.RouteRandomly = false, false, false
	setDefault(&opt.DialTimeout, dialTimeout)
	setDefault(&opt.ReadTimeout, ioTimeout)
	setDefault(&opt.WriteTimeout, ioTimeout)
	return opt, nil
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// urlError leaves out what net/url says, which quotes the URL and with it the password.
func urlError(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = errors.New("it cannot be parsed; characters like / or @ in a password must be percent-encoded")
	}
	return fmt.Errorf("redisstore: the URL must be like redis://user:password@host:6379/0: %w", err)
}

// clusterMode asks the server. A server that does not tell (the embedded one, or one that forbids INFO) is a single one,
// unless the URL names several nodes.
func clusterMode(ctx context.Context, rawURL string) (bool, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return false, urlError(err)
	}
	if u.Query().Has("addr") {
		return true, nil
	}
	opt, err := singleOptions(rawURL)
	if err != nil {
		return false, err
	}
	c := redis.NewClient(opt)
	defer c.Close()
	if err := c.Ping(ctx).Err(); redis.IsAuthError(err) {
		return false, fmt.Errorf("redisstore: connect to %s: %w", opt.Addr, err)
	} else if err != nil {
		return false, unavailable(fmt.Errorf("redisstore: connect to %s: %w", opt.Addr, err))
	}
	info, err := c.Info(ctx, "cluster").Result()
	if err != nil && !refused(err) {
		return false, unavailable(fmt.Errorf("redisstore: ask %s for its mode: %w", opt.Addr, err))
	}
	return infoField(info, "cluster_enabled") == "1", nil
}

// checkPolicy refuses a server that evicts. Most hosted servers forbid CONFIG but answer INFO, so INFO is asked first.
func checkPolicy(ctx context.Context, c *redis.Client, log *slog.Logger) error {
	info, err := c.Info(ctx, "memory").Result()
	policy := infoField(info, "maxmemory_policy")
	if policy == "" && (err == nil || refused(err)) {
		var config map[string]string
		config, err = c.ConfigGet(ctx, "maxmemory-policy").Result()
		policy = config["maxmemory-policy"]
	}
	switch {
	case err != nil && !refused(err):
		return err
	case policy == "":
		log.WarnContext(ctx, "the lead store does not tell its maxmemory-policy; anything but noeviction loses contexts unseen")
	case policy != "noeviction":
		return fmt.Errorf("%w: its maxmemory-policy is %s; put `maxmemory-policy noeviction` into its redis.conf, run "+
			"`redis-cli config set maxmemory-policy noeviction`, or change the parameter where it is hosted", ErrEvicts, policy)
	}
	return nil
}

// LogTo sends what go-redis itself has to say (failed dials mostly, each of which is an error of some call too) to log, at
// debug level, instead of standard error. That is one setting of go-redis for the whole process: it is for main to make.
func LogTo(log *slog.Logger) { redis.SetLogger(clientLog{log}) }

type clientLog struct{ log *slog.Logger }

func (l clientLog) Printf(ctx context.Context, format string, v ...any) {
	l.log.DebugContext(ctx, fmt.Sprintf(format, v...), "component", "go-redis")
}

func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// refused reports whether the server answered, and its answer was that this command is not for us.
func refused(err error) bool {
	var answer redis.Error
	return errors.As(err, &answer) && !redis.IsLoadingError(err) && !redis.IsClusterDownError(err)
}
