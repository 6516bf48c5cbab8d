using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Npgsql;

namespace Pampa.Storage;

/// <summary>
/// Looks at the certificate of a server that was refused, to say what was expected and what it is. It trusts nobody: the handshake is
/// broken off when the certificate has been seen.
/// </summary>
internal static class PostgreSqlCertificate
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // What a client sends that wants to speak TLS; the answer is S or N.
    private static readonly byte[] TlsRequest = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F];

    /// <summary>
    /// What is wrong with the certificate of the first server of which something is, and what mends it; null: nothing is, or it cannot be
    /// seen.
    /// </summary>
    public static async Task<(string Cause, string? Remedy)?> FaultAsync(string connectionString, CancellationToken stopping)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        foreach (var server in (settings.Host ?? "localhost").Split(','))
        {
            var (host, port) = Split(server.Trim(), settings.Port);
            if (host.StartsWith('/')) continue;
            if (await LookAsync(host, port, stopping) is not { } seen) continue;
            using (seen.Certificate)
            {
                if (Fault(seen, host, settings) is { } fault) return fault;
            }
        }
        return null;
    }

    private static (string Host, int Port) Split(string server, int otherwise)
    {
        var at = server.LastIndexOf(':');
        var hasPort = at > 0 && (server.IndexOf(':', StringComparison.Ordinal) == at || server[at - 1] == ']');
        return hasPort && int.TryParse(server[(at + 1)..], out var port) ? (server[..at].Trim('[', ']'), port) : (server.Trim('[', ']'), otherwise);
    }

    private sealed record Seen(X509Certificate2 Certificate, X509Certificate2Collection Others, bool HasOtherName);

    private static async Task<Seen?> LookAsync(string host, int port, CancellationToken stopping)
    {
        Seen? seen = null;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        deadline.CancelAfter(Patience);
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(host, port, deadline.Token);
            await using var wire = client.GetStream();
            await wire.WriteAsync(TlsRequest, deadline.Token);
            var answer = new byte[1];
            if (await wire.ReadAsync(answer, deadline.Token) == 0 || answer[0] != (byte)'S') return null;
            await using var tls = new SslStream(wire);
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = host,
                RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                {
                    if (certificate is null) return false;
                    var copy = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
                    seen = new Seen(copy, [], errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch));
                    foreach (var other in chain?.ChainPolicy.ExtraStore ?? []) seen.Others.Add(X509CertificateLoader.LoadCertificate(other.RawData));
                    return false;
                },
            }, deadline.Token);
        }
        catch (Exception e) when (e is AuthenticationException or SocketException or IOException
            || (e is OperationCanceledException && !stopping.IsCancellationRequested))
        {
            // Broken off, as it should be; or there was nothing to be seen.
        }
        return seen;
    }

    private static (string, string?)? Fault(Seen seen, string host, NpgsqlConnectionStringBuilder settings)
    {
        var certificate = seen.Certificate;
        var now = TimeProvider.System.GetUtcNow();
        if (now < certificate.NotBefore || now > certificate.NotAfter)
            return (FormattableString.Invariant($"the certificate of {host} is valid from {certificate.NotBefore:u} to {certificate.NotAfter:u}, and it is {now:u}"), "Give the server a certificate that is valid, or set the clock of this computer.");
        if (!IsIssuedByKnown(seen, settings.RootCertificate, out var known))
            return ($"the certificate of {host} is issued by '{certificate.Issuer}', and {known}", "Give the certificate of its authority with sslrootcert=FILE. If it should have another authority, somebody else may be answering.");
        if (settings.SslMode == SslMode.VerifyFull && seen.HasOtherName)
            return ($"the certificate is made out to {Names(certificate)}, and sslmode=verify-full expects '{host}', by which the server is reached", "Use a name that stands in the certificate, or give the server a certificate with this name; sslmode=verify-ca does not compare the names.");
        return null;
    }

    private static bool IsIssuedByKnown(Seen seen, string? file, out string known)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ExtraStore.AddRange(seen.Others);
        known = "no authority that this computer trusts vouches for it";
        if (file is not null)
        {
            try
            {
                var roots = new X509Certificate2Collection();
                roots.ImportFromPemFile(file);
                chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
                chain.ChainPolicy.CustomTrustStore.AddRange(roots);
                chain.ChainPolicy.ExtraStore.AddRange(roots);
                known = roots.Count == 0 ? $"sslrootcert {file} holds no certificate" : $"sslrootcert {file} holds {string.Join(", ", roots.Select(r => $"'{r.Subject}'"))}";
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
            {
                known = $"sslrootcert {file} cannot be read: {e.Message.TrimEnd('.')}";
                return false;
            }
        }
        return chain.Build(seen.Certificate);
    }

    private static string Names(X509Certificate2 certificate)
    {
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(e => e.EnumerateDnsNames().Concat(e.EnumerateIPAddresses().Select(a => a.ToString()))).ToList();
        return names.Count == 0 ? $"'{certificate.Subject}'" : string.Join(", ", names.Select(n => $"'{n}'"));
    }
}
