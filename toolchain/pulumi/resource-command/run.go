package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/glob"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/archive"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/asset"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// apply creates a resource, or updates it where olds is its state, and gives its new state.
func (p *commandProvider) apply(
	ctx context.Context, token string, urn resource.URN, olds, news resource.PropertyMap,
) (resource.PropertyMap, error) {
	verb := "create"
	if olds != nil && news.HasValue("update") {
		verb = "update"
	}
	switch token {
	case localCommand:
		return p.local(ctx, urn, olds, news, verb)
	case remoteCommand:
		return p.remote(ctx, urn, olds, news, verb)
	case copyToRemote:
		if olds == nil || sourceHash(olds) != sourceHash(news) ||
			unwrap(olds["remotePath"]).Mappable() != unwrap(news["remotePath"]).Mappable() {
			return news, p.copyToRemote(ctx, urn, news)
		}
		return news, nil
	}
	return news, p.copyFile(ctx, urn, news)
}

// remove runs the `delete` of a state; what was copied stays where it is.
func (p *commandProvider) remove(
	ctx context.Context, token string, urn resource.URN, state resource.PropertyMap,
) (err error) {
	switch token {
	case localCommand:
		_, err = p.local(ctx, urn, state, state, "delete")
	case remoteCommand:
		_, err = p.remote(ctx, urn, state, state, "delete")
	}
	return err
}

// commandInputs are the properties that local and remote commands share.
type commandInputs struct {
	Create, Update, Delete, Command *string
	Stdin                           string
	Logging                         string
	Environment                     map[string]string
	AddPreviousOutputInEnv          *bool

	// of local commands only
	Interpreter              []string
	Dir                      string
	AssetPaths, ArchivePaths []string
}

func (in *commandInputs) command(verb string) *string {
	return map[string]*string{"create": in.Create, "update": in.Update, "delete": in.Delete, "command": in.Command}[verb]
}

// previous lists the variables that hold what the command before this one said.
func (in *commandInputs) previous(olds resource.PropertyMap) [][2]string {
	if in.AddPreviousOutputInEnv != nil && !*in.AddPreviousOutputInEnv {
		return nil
	}
	var out [][2]string
	for _, name := range []string{"stdout", "stderr"} {
		if value := unwrap(olds[resource.PropertyKey(name)]); value.IsString() && value.StringValue() != "" {
			out = append(out, [2]string{"PULUMI_COMMAND_" + strings.ToUpper(name), value.StringValue()})
		}
	}
	return out
}

// begun is the state before a command has run: the inputs, and what the state so far says that it put out.
func begun(olds, news resource.PropertyMap) resource.PropertyMap {
	state := news.Copy()
	for _, key := range []resource.PropertyKey{"stdout", "stderr"} {
		state[key] = resource.NewStringProperty("")
	}
	for _, key := range []resource.PropertyKey{"stdout", "stderr", "assets", "archive"} {
		if value, has := olds[key]; has {
			state[key] = value
		}
	}
	return state
}

// local runs one command of this machine.
func (p *commandProvider) local(
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
	dir := in.Dir
	if dir == "" {
		var err error
		if dir, err = os.Getwd(); err != nil {
			return nil, err
		}
	}
	if len(in.Interpreter) == 0 {
		in.Interpreter = []string{"/bin/sh", "-c"}
	}
	env := os.Environ()
	for name, value := range in.Environment {
		env = append(env, name+"="+value)
	}
	for _, pair := range in.previous(olds) {
		env = append(env, pair[0]+"="+pair[1])
	}

	streams := p.streams(ctx, urn, in.Logging)
	cmd := exec.CommandContext(ctx, in.Interpreter[0], append(slices.Clone(in.Interpreter[1:]), *command)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, streams.stdout, streams.stderr
	if in.Stdin != "" {
		cmd.Stdin = strings.NewReader(in.Stdin)
	}
	err := runUntil(ctx, cmd)
	if err := streams.end(err, *command); err != nil {
		return nil, err
	}

	streams.into(state)
	if in.AssetPaths != nil {
		assets, err := match(dir, in.AssetPaths)
		if err != nil {
			return nil, err
		}
		found := resource.PropertyMap{}
		for name, file := range assets {
			found[resource.PropertyKey(name)] = resource.NewAssetProperty(file)
		}
		state["assets"] = resource.NewObjectProperty(found)
	}
	if in.ArchivePaths != nil {
		assets, err := match(dir, in.ArchivePaths)
		if err != nil {
			return nil, err
		}
		found := map[string]any{}
		for name, file := range assets {
			found[name] = file
		}
		all, err := archive.FromAssets(found)
		if err != nil {
			return nil, err
		}
		state["archive"] = resource.NewArchiveProperty(all)
	}
	return state, nil
}

// runUntil runs a command to its end, and to the end of whoever shares its streams. Where ctx is done, the command is
// killed, and a child of its that holds the streams is not waited for.
func runUntil(ctx context.Context, cmd *exec.Cmd) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Run() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(time.Second):
		return ctx.Err()
	}
}

// match lists the files below dir that globs let in, by their path relative to dir. The last glob that matches decides.
func match(dir string, globs []string) (map[string]*asset.Asset, error) {
	type rule struct {
		glob.Glob
		out bool
	}
	var rules []rule
	for _, text := range globs {
		pattern, out := strings.CutPrefix(text, "!")
		compiled, err := glob.Compile(pattern, '/')
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule{compiled, out})
	}
	found := map[string]*asset.Asset{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		in := false
		for _, r := range rules {
			if r.Match(name) {
				in = !r.out
			}
		}
		if in {
			found[name], err = asset.FromPath(path.Join(dir, name))
		}
		return err
	})
	return found, err
}

// streams collects what a command puts out, and shows the lines of it that are to be seen while it runs.
type streams struct {
	stdout, stderr io.Writer
	out, err, both buffer
	log            *io.PipeWriter
	logged         chan struct{}
}

// buffer is a bytes.Buffer that two streams may write at once.
type buffer struct {
	mutex sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(text []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.Buffer.Write(text)
}

func (p *commandProvider) streams(ctx context.Context, urn resource.URN, logging string) *streams {
	reader, writer := io.Pipe()
	s := &streams{log: writer, logged: make(chan struct{})}
	stdout, stderr := []io.Writer{&s.out, &s.both}, []io.Writer{&s.err, &s.both}
	if logging == "" || logging == "stdout" || logging == "stdoutAndStderr" {
		stdout = append(stdout, writer)
	}
	if logging == "" || logging == "stderr" || logging == "stdoutAndStderr" {
		stderr = append(stderr, writer)
	}
	s.stdout, s.stderr = io.MultiWriter(stdout...), io.MultiWriter(stderr...)
	go func() {
		defer close(s.logged)
		lines := bufio.NewReader(reader)
		for {
			line, err := lines.ReadString('\n')
			if line != "" {
				p.status(ctx, urn, strings.TrimRight(line, "\r\n"))
			}
			if err != nil {
				return
			}
		}
	}()
	return s
}

// end waits until every line is shown, and says what failed where err is not nil.
func (s *streams) end(err error, command string) error {
	_ = s.log.Close()
	<-s.logged
	if err == nil {
		return nil
	}
	s.both.mutex.Lock()
	defer s.both.mutex.Unlock()
	return fmt.Errorf("%w: running %q:\n%s", err, command, valid(s.both.String()))
}

func (s *streams) into(state resource.PropertyMap) {
	state["stdout"] = resource.NewStringProperty(valid(strings.TrimSuffix(s.out.String(), "\n")))
	state["stderr"] = resource.NewStringProperty(valid(strings.TrimSuffix(s.err.String(), "\n")))
}

// valid puts a mark where bytes are no text: what is sent to the engine has to be UTF-8.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// status shows a line beside the resource while it is worked on.
func (p *commandProvider) status(ctx context.Context, urn resource.URN, message string) {
	p.log(ctx, &pulumirpc.LogRequest{
		Severity: pulumirpc.LogSeverity_INFO, Urn: string(urn), Message: message, Ephemeral: true,
	})
}

func (p *commandProvider) log(ctx context.Context, request *pulumirpc.LogRequest) {
	p.mutex.Lock()
	engine := p.engine
	p.mutex.Unlock()
	if engine != nil {
		request.Message = valid(request.Message)
		_, _ = engine.Log(ctx, request)
	}
}

// sourceHash is the hash of what a CopyToRemote copies.
func sourceHash(properties resource.PropertyMap) string {
	source := unwrap(properties["source"])
	switch {
	case source.IsAsset():
		return source.AssetValue().Hash
	case source.IsArchive():
		return source.ArchiveValue().Hash
	}
	return ""
}

// number is an integer that arrives as a floating-point number.
type number int

func (n *number) UnmarshalJSON(text []byte) error {
	var value float64
	err := json.Unmarshal(text, &value)
	*n = number(value)
	return err
}
