// Command pulumi-language-nodejs starts Node programs for the Pulumi CLI, where the released one cannot be had.
//
// It serves the LanguageRuntime protocol and hands every program to the SDK's own runner, @pulumi/pulumi/cmd/run, with
// the arguments and the environment that the released host gives it. What it does not do: make projects, install
// packages, generate code.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/shlex"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

const version = "3.250.0"

// How often the engine is asked whether it is still there: one that was killed says no good-bye.
const enginePoll = 5 * time.Second

// A program that has told the user what went wrong exits with this code (@pulumi/pulumi/cmd/run/index.js).
const alreadyReported = 32

func main() {
	tracing := flag.String("tracing", "", "where trace spans go")
	flag.String("root", "", "the project's directory")
	flag.Parse()

	host := &languageHost{engine: flag.Arg(0), tracing: *tracing, running: map[*exec.Cmd]struct{}{}}
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, host)
			return nil
		},
		Options: rpcutil.OpenTracingServerInterceptorOptions(nil),
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-language-nodejs cannot listen on 127.0.0.1: %v\n", err)
		os.Exit(1)
	}
	end, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	if host.engine != "" {
		if err := rpcutil.Healthcheck(end, host.engine, enginePoll, stop); err != nil {
			fmt.Fprintf(os.Stderr, "pulumi-language-nodejs cannot reach the engine: %v\n", err)
			os.Exit(1)
		}
	}
	go func() {
		<-end.Done()
		host.stop()
		os.Exit(1)
	}()
	fmt.Println(handle.Port)
	if err := <-handle.Done; err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-language-nodejs stopped serving: %v\n", err)
		os.Exit(1)
	}
}

type languageHost struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	engine, tracing string

	mutex   sync.Mutex
	running map[*exec.Cmd]struct{}
}

func (h *languageHost) Handshake(
	_ context.Context, req *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	if req.GetEngineAddress() != "" {
		h.engine = req.GetEngineAddress()
	}
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (h *languageHost) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version}, nil
}

func (h *languageHost) RuntimeOptionsPrompts(
	context.Context, *pulumirpc.RuntimeOptionsRequest,
) (*pulumirpc.RuntimeOptionsResponse, error) {
	return &pulumirpc.RuntimeOptionsResponse{}, nil
}

func (h *languageHost) About(context.Context, *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, err
	}
	out, err := exec.Command(node, "--version").Output()
	return &pulumirpc.AboutResponse{Executable: node, Version: strings.TrimSpace(string(out))}, err
}

// Cancel ends the programs that run. The engine calls it when an operation is interrupted for the second time.
func (h *languageHost) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.stop()
	return &emptypb.Empty{}, nil
}

func (h *languageHost) stop() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for cmd := range h.running {
		_ = cmd.Process.Signal(syscall.SIGTERM)
	}
}

// node runs Node to its end, or until ctx is done.
func (h *languageHost) node(
	ctx context.Context, options []string, args []string, dir string, env []string, stdout, stderr io.Writer,
) error {
	cmd := exec.CommandContext(ctx, "node", append(options, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, stdout, stderr
	h.mutex.Lock()
	err := cmd.Start()
	if err == nil {
		h.running[cmd] = struct{}{}
	}
	h.mutex.Unlock()
	if err != nil {
		return err
	}
	defer func() {
		h.mutex.Lock()
		defer h.mutex.Unlock()
		delete(h.running, cmd)
	}()
	return cmd.Wait()
}

// Run runs the program of a stack.
func (h *languageHost) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	info := req.GetInfo()
	runner, err := locate(info.GetProgramDirectory(), "@pulumi/pulumi/cmd/run/index.js")
	if err != nil {
		return &pulumirpc.RunResponse{Error: err.Error()}, nil
	}
	values, err := configuration(req.GetConfig())
	if err != nil {
		return nil, err
	}
	secrets, err := json.Marshal(append([]string{}, req.GetConfigSecretKeys()...))
	if err != nil {
		return nil, err
	}
	options, optionsEnv, err := runtimeOptions(info)
	if err != nil {
		return &pulumirpc.RunResponse{Error: err.Error()}, nil
	}
	env := append(os.Environ(), "PULUMI_CONFIG="+values, "PULUMI_CONFIG_SECRET_KEYS="+string(secrets))
	env = append(env, optionsEnv...)

	args := []string{runner}
	for _, flag := range [][2]string{
		{"monitor", req.GetMonitorAddress()},
		{"engine", h.engine},
		{"organization", req.GetOrganization()},
		{"project", req.GetProject()},
		{"root-directory", info.GetRootDirectory()},
		{"stack", req.GetStack()},
		{"pwd", req.GetPwd()},
		{"parallel", strconv.Itoa(int(req.GetParallel()))},
		{"tracing", h.tracing},
	} {
		if flag[1] != "" {
			args = append(args, "--"+flag[0], flag[1])
		}
	}
	if req.GetDryRun() {
		args = append(args, "--dry-run")
	}
	args = append(append(args, entryPoint(info)), req.GetArgs()...)

	err = h.node(ctx, options, args, "", env, os.Stdout, os.Stderr)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case errors.As(err, &exit) && exit.ExitCode() == alreadyReported:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case errors.As(err, &exit) && exit.Exited():
		return &pulumirpc.RunResponse{
			Error: fmt.Sprintf("Program exited with non-zero exit code: %d", exit.ExitCode()),
		}, nil
	case errors.As(err, &exit):
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("Program exited unexpectedly: %v", err)}, nil
	}
	return &pulumirpc.RunResponse{
		Error: fmt.Sprintf("Problem executing program (could not run language executor): %v", err),
	}, nil
}

// RunPlugin runs a plugin whose PulumiPlugin.yaml says `runtime: nodejs`.
func (h *languageHost) RunPlugin(
	req *pulumirpc.RunPluginRequest, stream pulumirpc.LanguageRuntime_RunPluginServer,
) error {
	info := req.GetInfo()
	runner, err := locate(info.GetProgramDirectory(), "@pulumi/pulumi/cmd/run-plugin/index.js")
	if err != nil {
		return err
	}
	options, optionsEnv, err := runtimeOptions(info)
	if err != nil {
		return err
	}
	var mutex sync.Mutex
	send := func(response *pulumirpc.RunPluginResponse) error {
		mutex.Lock()
		defer mutex.Unlock()
		return stream.Send(response)
	}
	stdout := writer(func(b []byte) error {
		return send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Stdout{Stdout: b}})
	})
	stderr := writer(func(b []byte) error {
		return send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Stderr{Stderr: b}})
	})
	args := append([]string{runner, info.GetProgramDirectory()}, req.GetArgs()...)
	env := append(append(os.Environ(), req.GetEnv()...), optionsEnv...)
	err = h.node(stream.Context(), options, args, req.GetPwd(), env, stdout, stderr)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	code := int32(0)
	if exit != nil {
		code = int32(exit.ExitCode())
	}
	return send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: code}})
}

type writer func([]byte) error

func (w writer) Write(b []byte) (int, error) { return len(b), w(b) }

// GetRequiredPackages lists the providers of the npm packages that the program's directory can import.
func (h *languageHost) GetRequiredPackages(
	_ context.Context, req *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	var packages []*pulumirpc.PackageDependency
	err := eachManifest(req.GetInfo().GetProgramDirectory(), func(m manifest) {
		if !m.Pulumi.Resource {
			return
		}
		dependency := &pulumirpc.PackageDependency{
			Kind: "resource", Name: m.Pulumi.Name, Version: m.Pulumi.Version, Server: m.Pulumi.Server,
		}
		if dependency.Name == "" {
			dependency.Name = strings.TrimPrefix(strings.TrimPrefix(m.Name, "@pulumi/"), "@")
		}
		if dependency.Version == "" {
			dependency.Version = m.Version
		}
		dependency.Version = "v" + strings.TrimPrefix(dependency.Version, "v")
		if p := m.Pulumi.Parameterization; p != nil {
			dependency.Parameterization = &pulumirpc.PackageParameterization{
				Name: p.Name, Version: p.Version, Value: p.Value,
			}
		}
		packages = append(packages, dependency)
	})
	return &pulumirpc.GetRequiredPackagesResponse{Packages: packages}, err
}

func (h *languageHost) GetRequiredPlugins(
	ctx context.Context, req *pulumirpc.GetRequiredPluginsRequest,
) (*pulumirpc.GetRequiredPluginsResponse, error) {
	packages, err := h.GetRequiredPackages(ctx, &pulumirpc.GetRequiredPackagesRequest{Info: req.GetInfo()})
	var plugins []*pulumirpc.PluginDependency
	for _, p := range packages.GetPackages() {
		plugins = append(plugins, &pulumirpc.PluginDependency{
			Kind: p.Kind, Name: p.Name, Version: p.Version, Server: p.Server,
		})
	}
	return &pulumirpc.GetRequiredPluginsResponse{Plugins: plugins}, err
}

// GetProgramDependencies lists the npm packages that the program's package.json names, for `pulumi about`.
func (h *languageHost) GetProgramDependencies(
	_ context.Context, req *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	response := &pulumirpc.GetProgramDependenciesResponse{}
	err := eachManifest(req.GetInfo().GetProgramDirectory(), func(m manifest) {
		response.Dependencies = append(response.Dependencies, &pulumirpc.DependencyInfo{Name: m.Name, Version: m.Version})
	})
	return response, err
}

// manifest is what matters here of a package.json.
type manifest struct {
	Name, Version string
	Pulumi        struct {
		Resource              bool
		Name, Version, Server string
		Parameterization      *struct {
			Name, Version string
			Value         []byte
		}
	}
}

// eachManifest calls f with each package of the nearest node_modules at or above dir.
func eachManifest(dir string, f func(manifest)) error {
	modules, err := locate(dir, "")
	if err != nil {
		return err
	}
	for _, pattern := range []string{"*/package.json", "@*/*/package.json"} {
		paths, err := filepath.Glob(filepath.Join(modules, pattern))
		if err != nil {
			return err
		}
		for _, path := range paths {
			var m manifest
			content, err := os.ReadFile(path)
			if err == nil && json.Unmarshal(content, &m) == nil {
				f(m)
			}
		}
	}
	return nil
}

// locate finds a file of an npm package as Node does: in node_modules of dir, or of the nearest directory above it.
func locate(dir, file string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		path := filepath.Join(at, "node_modules", file)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no @pulumi/pulumi in node_modules of %s or above it: run `npm install` there", dir)
		}
	}
}

// runtimeOptions turns runtime.options of Pulumi.yaml into options of Node and environment variables of the runner.
// `typescript` (true unless set) lets the runner use ts-node, `nodeargs` is a command line of Node's own options.
func runtimeOptions(info *pulumirpc.ProgramInfo) ([]string, []string, error) {
	values := info.GetOptions().AsMap()
	var node, env []string
	if enabled, set := values["typescript"].(bool); enabled || !set {
		env = append(env, "PULUMI_NODEJS_TYPESCRIPT=true")
	}
	if path, set := values["tsconfig"].(string); set && path != "" {
		env = append(env, "PULUMI_NODEJS_TSCONFIG_PATH="+path)
	}
	if args, set := values["nodeargs"].(string); set {
		words, err := shlex.Split(args)
		if err != nil {
			return nil, nil, fmt.Errorf("runtime option nodeargs of Pulumi.yaml is not a command line: %w", err)
		}
		node = words
	}
	return node, env, nil
}

func entryPoint(info *pulumirpc.ProgramInfo) string {
	if info.GetEntryPoint() == "" {
		return "."
	}
	return info.GetEntryPoint()
}

// configuration writes the stack's configuration as the SDK reads it: JSON, each key as `namespace:config:name`.
func configuration(values map[string]string) (string, error) {
	out := make(map[string]string, len(values))
	for name, value := range values {
		key, err := config.ParseKey(name)
		if err != nil {
			return "", err
		}
		out[key.Namespace()+":config:"+key.Name()] = value
	}
	b, err := json.Marshal(out)
	return string(b), err
}
