package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/retry"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// connection says how a host is reached.
type connection struct {
	Host               string
	Port               number
	User               string
	Password           *string
	PrivateKey         *string
	PrivateKeyPassword *string
	AgentSocketPath    *string
	HostKey            *string
	DialErrorLimit     *number
	PerDialTimeout     *number
	Proxy              *connection
}

func connectionOf(properties resource.PropertyMap) (*connection, error) {
	var in struct{ Connection connection }
	err := decode(resource.PropertyMap{"connection": properties["connection"]}, &in)
	for _, c := range []*connection{&in.Connection, in.Connection.Proxy} {
		if c != nil && c.User == "" {
			c.User = "root"
		}
		if c != nil && c.Port == 0 {
			c.Port = 22
		}
	}
	return &in.Connection, err
}

func (c *connection) address() string { return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) }

func (c *connection) limit() int {
	if c.DialErrorLimit == nil {
		return 10
	}
	return int(*c.DialErrorLimit)
}

// config gives the ways to prove who we are, and who the host is.
func (c *connection) config() (*ssh.ClientConfig, error) {
	timeout := number(15)
	if c.PerDialTimeout != nil {
		timeout = *c.PerDialTimeout
	}
	config := &ssh.ClientConfig{
		User:            c.User,
		Timeout:         time.Duration(timeout) * time.Second,
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), //nolint:gosec // the contract where hostKey is not set
	}
	if c.HostKey != nil {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(*c.HostKey))
		if err != nil {
			return nil, fmt.Errorf("failed to parse host key: %w", err)
		}
		config.HostKeyCallback = ssh.FixedHostKey(key)
		config.HostKeyAlgorithms = []string{key.Type()}
		if key.Type() == ssh.KeyAlgoRSA {
			config.HostKeyAlgorithms = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		}
	}
	if c.PrivateKey != nil {
		var signer ssh.Signer
		var err error
		if c.PrivateKeyPassword != nil {
			signer, err = ssh.ParsePrivateKeyWithPassphrase([]byte(*c.PrivateKey), []byte(*c.PrivateKeyPassword))
		} else {
			signer, err = ssh.ParsePrivateKey([]byte(*c.PrivateKey))
		}
		if err != nil {
			return nil, err
		}
		config.Auth = append(config.Auth, ssh.PublicKeys(signer))
	}
	if c.Password != nil {
		config.Auth = append(config.Auth, ssh.Password(*c.Password), ssh.KeyboardInteractive(
			func(_, _ string, questions []string, _ []bool) ([]string, error) {
				return slices.Repeat([]string{*c.Password}, len(questions)), nil
			}))
	}
	socket := os.Getenv("SSH_AUTH_SOCK")
	if c.AgentSocketPath != nil {
		socket = *c.AgentSocketPath
	}
	if socket != "" {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return nil, err
		}
		config.Auth = append(config.Auth, ssh.PublicKeysCallback(agent.NewClient(conn).Signers))
	}
	return config, nil
}

// dial reaches the host, through its proxy where it has one. Failed dials are tried again, up to the limit.
func (p *commandProvider) dial(ctx context.Context, urn resource.URN, c *connection) (*ssh.Client, error) {
	config, err := c.config()
	if err != nil {
		return nil, err
	}
	if c.Proxy == nil {
		return persist(ctx, p, urn, "Dial", c.limit(), func() (*ssh.Client, error) {
			return ssh.Dial("tcp", c.address(), config)
		})
	}
	proxyConfig, err := c.Proxy.config()
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	proxy, err := persist(ctx, p, urn, "Dial proxy", c.Proxy.limit(), func() (*ssh.Client, error) {
		return ssh.Dial("tcp", c.Proxy.address(), proxyConfig)
	})
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	client, err := persist(ctx, p, urn, "Dial from proxy", c.limit(), func() (*ssh.Client, error) {
		tunnel, err := proxy.Dial("tcp", c.address())
		if err != nil {
			return nil, err
		}
		conn, channels, requests, err := ssh.NewClientConn(tunnel, c.address(), config)
		if err != nil {
			_ = tunnel.Close()
			return nil, err
		}
		return ssh.NewClient(conn, channels, requests), nil
	})
	if err != nil {
		_ = proxy.Close()
		return nil, fmt.Errorf("proxy: %w", err)
	}
	go func() {
		_ = client.Wait()
		_ = proxy.Close()
	}()
	return client, nil
}

// persist tries until f succeeds, until limit tries after the first one have failed (-1: for ever), or ctx is done.
func persist[T any](
	ctx context.Context, p *commandProvider, urn resource.URN, what string, limit int, f func() (T, error),
) (T, error) {
	var none T
	ok, result, err := retry.Until(ctx, retry.Acceptor{
		Accept: func(try int, _ time.Duration) (bool, any, error) {
			result, err := f()
			if err == nil {
				return true, result, nil
			}
			if limit >= 0 && try+1 > limit {
				return true, nil, fmt.Errorf("after %d failed attempts: %w", try, err)
			}
			of := "inf"
			if limit >= 0 {
				of = strconv.Itoa(limit)
			}
			p.status(ctx, urn, fmt.Sprintf("%s %d/%s failed: retrying", what, try+1, of))
			return false, nil, nil
		},
	})
	switch {
	case err != nil:
		return none, err
	case !ok:
		return none, ctx.Err()
	}
	return result.(T), nil
}

// remote runs one command of a host.
func (p *commandProvider) remote(
	ctx context.Context, urn resource.URN, olds, news resource.PropertyMap, verb string,
) (resource.PropertyMap, error) {
	var in commandInputs
	if err := decode(news, &in); err != nil {
		return nil, err
	}
	state := begun(olds, news)
	command := in.command(verb)
	if command == nil {
		return state, nil
	}
	target, err := connectionOf(news)
	if err != nil {
		return nil, err
	}
	client, err := p.dial(ctx, urn, target)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return nil, err
	}
	defer session.Close()

	refused := func(severity pulumirpc.LogSeverity, name string) {
		p.log(ctx, &pulumirpc.LogRequest{Severity: severity, Urn: string(urn), Message: fmt.Sprintf("Unable to set '%s'. This only works if your SSH server is configured to"+
			" accept these variables via AcceptEnv. Alternatively, if a Bash-like shell runs the command on the remote"+
			" host, you could prefix the command itself with the variables in the form 'VAR=value command'", name)})
	}
	for _, name := range slices.Sorted(maps.Keys(in.Environment)) {
		if err := session.Setenv(name, in.Environment[name]); err != nil {
			refused(pulumirpc.LogSeverity_ERROR, name)
			return nil, fmt.Errorf("could not set environment variable %q: %w", name, err)
		}
	}
	for _, pair := range in.previous(olds) {
		if err := session.Setenv(pair[0], pair[1]); err != nil {
			refused(pulumirpc.LogSeverity_WARNING, pair[0])
		}
	}

	streams := p.streams(ctx, urn, in.Logging)
	session.Stdout, session.Stderr = streams.stdout, streams.stderr
	if in.Stdin != "" {
		session.Stdin = strings.NewReader(in.Stdin)
	}
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	defer stop()
	err = session.Run(*command)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err := streams.end(err, *command); err != nil {
		return nil, err
	}
	streams.into(state)
	return state, nil
}

// withSFTP reaches the host and calls f; f ends early, with an error, when ctx is done.
func (p *commandProvider) withSFTP(
	ctx context.Context, urn resource.URN, properties resource.PropertyMap, f func(*sftp.Client) error,
) error {
	target, err := connectionOf(properties)
	if err != nil {
		return err
	}
	client, err := p.dial(ctx, urn, target)
	if err != nil {
		return err
	}
	defer client.Close()
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	defer stop()
	files, err := sftp.NewClient(client, sftp.UseConcurrentWrites(true))
	if err != nil {
		return err
	}
	defer files.Close()
	return f(files)
}

func (p *commandProvider) copyFile(ctx context.Context, urn resource.URN, properties resource.PropertyMap) error {
	var in struct{ LocalPath, RemotePath string }
	if err := decode(properties, &in); err != nil {
		return err
	}
	if _, err := os.Stat(in.LocalPath); err != nil {
		return err
	}
	return p.withSFTP(ctx, urn, properties, func(files *sftp.Client) error {
		return upload(files, in.LocalPath, in.RemotePath)
	})
}

func (p *commandProvider) copyToRemote(ctx context.Context, urn resource.URN, properties resource.PropertyMap) error {
	var in struct{ RemotePath string }
	if err := decode(properties, &in); err != nil {
		return err
	}
	source := unwrap(properties["source"])
	return p.withSFTP(ctx, urn, properties, func(files *sftp.Client) error {
		switch {
		case source.IsArchive():
			return copyPath(files, source.ArchiveValue().Path, in.RemotePath)
		case source.AssetValue().IsText():
			return copyText(files, source.AssetValue().Text, in.RemotePath)
		}
		return copyPath(files, source.AssetValue().Path, in.RemotePath)
	})
}

func copyText(files *sftp.Client, text, to string) error {
	info, err := stat(files, to)
	if err != nil {
		return err
	}
	if info != nil && info.IsDir() {
		return fmt.Errorf("remote path %s is a directory; when using a text asset, remotePath must be a file path", to)
	}
	if err := folder(files, path.Dir(to)); err != nil {
		return err
	}
	return write(files, strings.NewReader(text), "text content", to)
}

// copyPath copies a file or a folder. A folder goes below `to`, under its own name unless `from` ends in a slash;
// a file goes to `to`, or below it where that is a folder.
func copyPath(files *sftp.Client, from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	there, err := stat(files, to)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		if there != nil && there.IsDir() {
			to = path.Join(to, filepath.Base(from))
		}
		return upload(files, from, to)
	}
	if err := folder(files, to); err != nil {
		return err
	}
	if !strings.HasSuffix(from, "/") {
		to = path.Join(to, filepath.Base(from))
	}
	return fs.WalkDir(os.DirFS(from), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return folder(files, path.Join(to, name))
		}
		return upload(files, filepath.Join(from, name), path.Join(to, name))
	})
}

// stat gives nothing for what does not exist.
func stat(files *sftp.Client, name string) (fs.FileInfo, error) {
	info, err := files.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("failed to stat remote path %s: %w", name, err)
	}
	return info, nil
}

func folder(files *sftp.Client, name string) error {
	info, err := stat(files, name)
	switch {
	case err != nil:
		return err
	case info == nil:
		if err := files.MkdirAll(name); err != nil {
			return fmt.Errorf("failed to create remote directory %s: %w", name, err)
		}
	case !info.IsDir():
		return fmt.Errorf("remote path %s exists but is not a directory", name)
	}
	return nil
}

func upload(files *sftp.Client, from, to string) error {
	local, err := os.Open(from)
	if err != nil {
		return err
	}
	defer local.Close()
	if err := folder(files, path.Dir(to)); err != nil {
		return err
	}
	return write(files, local, "file "+from, to)
}

func write(files *sftp.Client, content io.Reader, what, to string) error {
	remote, err := files.Create(to)
	if err != nil {
		return fmt.Errorf("failed to create remote file %s: %w", to, err)
	}
	if _, err := remote.ReadFrom(content); err != nil {
		_ = remote.Close()
		return fmt.Errorf("failed to copy %s to remote path %s: %w", what, to, err)
	}
	return remote.Close()
}
