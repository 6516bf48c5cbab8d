using System.CommandLine;
using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.WebUtilities;

namespace Pampa.Serving;

/// <summary>How a dashboard that is a program of its own is served.</summary>
/// <param name="Address">On which address.</param>
/// <param name="Port">On which port; 0: any.</param>
/// <param name="Hosts">The names by which it may be called; empty: the usual ones.</param>
/// <param name="IsReadOnly">Nobody may act.</param>
/// <param name="Shown">Columns whose values are shown, as <c>job.column</c> or <c>job.*</c>.</param>
internal sealed record ServePlan(IPAddress Address, int Port, IReadOnlyList<string> Hosts, bool IsReadOnly, IReadOnlyList<string> Shown)
{
    /// <summary>What is said of the database.</summary>
    public string? Database { get; init; }

    /// <summary>How people prove who they are; null: nobody must.</summary>
    public AuthPlan? Auth { get; init; }

    public bool Shows(string job, string column) => Shown.Contains($"{job}.{column}") || Shown.Contains($"{job}.*") || Shown.Contains("*");
}

/// <summary>How people prove who they are.</summary>
/// <param name="Kind">Token, basic or header.</param>
internal sealed record AuthPlan(AuthKind Kind)
{
    public string Secret { get; init; } = "";

    public string? ReadSecret { get; init; }

    /// <summary>Whether the secret was made up just now, so that somebody must be told.</summary>
    public bool IsNew { get; init; }

    public string Header { get; init; } = "";

    public IReadOnlyList<IPAddress> Proxies { get; init; } = [];

    public IReadOnlyList<string> Operators { get; init; } = [];
}

/// <summary>Ways to sign in.</summary>
internal enum AuthKind
{
    /// <summary>A page asks for a secret.</summary>
    Token,

    /// <summary>The browser asks for name and password.</summary>
    Basic,

    /// <summary>A proxy says who it is.</summary>
    Header,
}

/// <summary>The options of a dashboard that is a program of its own; what does not fit together is told before anything listens.</summary>
internal sealed class ServeOptions(Func<string, string?> environment)
{
    private const string SecretVariable = "PAMPA_DASHBOARD_SECRET";
    private const string ReadSecretVariable = "PAMPA_DASHBOARD_READ_SECRET";
    private const string HeaderPrefix = "header:";

    private readonly Option<int> port = new("--port") { HelpName = "PORT", Description = "The port; 0 for any (default 3000).", DefaultValueFactory = _ => 3_000 };

    private readonly Option<string> listen = new("--listen")
    {
        HelpName = "ADDRESS",
        Description = "The address to listen on (default 127.0.0.1); one that other computers reach needs --auth.",
        DefaultValueFactory = _ => "127.0.0.1",
    };

    private readonly Option<string?> auth = new("--auth")
    {
        HelpName = "token|basic|header:NAME",
        Description = $"How people sign in: with a secret (of {SecretVariable}, else a new one that is printed), with name and that secret as password, or by a proxy that names them in a header (default: nobody must).",
    };

    private readonly Option<string[]> hosts = new("--host") { HelpName = "NAME", Description = "A name by which browsers may call it, repeatable (default: localhost, 127.0.0.1 and [::1]; with --auth any)." };
    private readonly Option<bool> readOnly = new("--read-only") { Description = $"Nobody may act. With {ReadSecretVariable} set, those who sign in with that one may not." };
    private readonly Option<string[]> show = new("--show") { HelpName = "JOB.COLUMN", Description = "Show the values of a column, repeatable; JOB.* for all of a job (default: none)." };
    private readonly Option<string[]> proxies = new("--proxy") { HelpName = "ADDRESS", Description = "With --auth header: the proxy's address, repeatable; no other is believed." };
    private readonly Option<string[]> operators = new("--operator") { HelpName = "NAME", Description = "With --auth header: who may act, repeatable (default: all)." };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[port, listen, auth, hosts, readOnly, show, proxies, operators]) command.Options.Add(option);
        port.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number is < 0 or > 65_535) result.AddError($"--port must be between 0 and 65535, got {token.Value}.");
        });
    }

    /// <exception cref="PampaConfigurationException">Everything that is wrong.</exception>
    public ServePlan Read(ParseResult parsed)
    {
        var errors = new List<string>();
        var text = parsed.GetValue(listen)!;
        var address = text == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(text.Trim('[', ']'), out var known) ? known : null;
        if (address is null) errors.Add($"--listen must be an address such as 127.0.0.1 or 0.0.0.0, got '{text}'.");
        var plan = new ServePlan(
            address ?? IPAddress.Loopback, parsed.GetValue(port), parsed.GetValue(hosts) ?? [], parsed.GetValue(readOnly), parsed.GetValue(show) ?? [])
        {
            Auth = ReadAuth(parsed, errors),
        };
        foreach (var one in plan.Shown.Where(s => s != "*" && !s.Contains('.', StringComparison.Ordinal)))
            errors.Add($"--show must be JOB.COLUMN or JOB.*, got '{one}'.");
        if (address is not null && !IPAddress.IsLoopback(address) && plan.Auth is null && errors.Count == 0)
            errors.Add($"--listen {text}: other computers reach this address, and nobody would have to sign in. Give --auth token, --auth basic or --auth header:NAME, or listen on 127.0.0.1.");
        return errors.Count == 0 ? plan : throw new PampaConfigurationException(errors);
    }

    private AuthPlan? ReadAuth(ParseResult parsed, List<string> errors)
    {
        var given = parsed.GetValue(auth);
        string[] proxyTexts = parsed.GetValue(proxies) ?? [];
        if (given is null || !given.StartsWith(HeaderPrefix, StringComparison.Ordinal))
        {
            if (proxyTexts.Length > 0 || (parsed.GetValue(operators) ?? []).Length > 0) errors.Add("--proxy and --operator belong to --auth header:NAME.");
        }
        return given switch
        {
            null => null,
            "token" => ReadSecrets(AuthKind.Token, errors),
            "basic" => ReadSecrets(AuthKind.Basic, errors),
            _ when given.StartsWith(HeaderPrefix, StringComparison.Ordinal) && given.Length > HeaderPrefix.Length => ReadHeader(given[HeaderPrefix.Length..]),
            _ => Wrong($"--auth must be token, basic or header:NAME, got '{given}'."),
        };

        AuthPlan? Wrong(string error)
        {
            errors.Add(error);
            return null;
        }

        AuthPlan? ReadHeader(string name)
        {
            var addresses = new List<IPAddress>();
            foreach (var one in proxyTexts)
            {
                if (IPAddress.TryParse(one, out var proxy)) addresses.Add(proxy);
                else errors.Add($"--proxy must be an address such as 10.0.0.1, got '{one}'.");
            }
            if (proxyTexts.Length == 0) return Wrong($"--auth {given}: whoever reaches this computer could send that header. Name the proxy with --proxy ADDRESS.");
            return new AuthPlan(AuthKind.Header) { Header = name, Proxies = addresses, Operators = parsed.GetValue(operators) ?? [] };
        }
    }

    private AuthPlan? ReadSecrets(AuthKind kind, List<string> errors)
    {
        var wrong = errors.Count;
        var (secret, readSecret) = (environment(SecretVariable), environment(ReadSecretVariable));
        foreach (var (name, value) in new[] { (SecretVariable, secret), (ReadSecretVariable, readSecret) })
        {
            if (value is { Length: > 0 and < SecretPair.ShortestLength })
                errors.Add($"{name}: a secret must have at least {SecretPair.ShortestLength} characters, got {value.Length}. 'openssl rand -hex 16' makes one.");
        }
        if (string.IsNullOrEmpty(secret) && kind == AuthKind.Basic) errors.Add($"--auth basic: {SecretVariable} must hold the password, of at least {SecretPair.ShortestLength} characters.");
        if (errors.Count > wrong) return null;
        var isNew = string.IsNullOrEmpty(secret);
        return new AuthPlan(kind)
        {
            Secret = isNew ? WebEncoders.Base64UrlEncode(RandomNumberGenerator.GetBytes(24)) : secret!,
            ReadSecret = string.IsNullOrEmpty(readSecret) ? null : readSecret,
            IsNew = isNew,
        };
    }
}
