using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Pampa.Tests.Life;

/// <summary>Authorities, a server's certificate and a client's, made for one test run, as files in a folder.</summary>
internal static class Certificates
{
    /// <summary>The name that stands in the server's certificate.</summary>
    public const string ServerName = "localhost";

    public const string Authority = "CN=Pampa test authority";
    public const string OtherAuthority = "CN=Pampa other authority";

    /// <summary>Makes <c>ca.crt</c>, <c>other.crt</c>, <c>server.crt</c> and <c>.key</c>, and a certificate of a role.</summary>
    public static void Make(string folder, string role)
    {
        using var authority = Issuer(Authority, Path.Combine(folder, "ca.crt"));
        using var other = Issuer(OtherAuthority, Path.Combine(folder, "other.crt"));
        Issue(authority, "CN=server", Path.Combine(folder, "server"), ServerName);
        Issue(authority, $"CN={role}", Path.Combine(folder, role), null);
    }

    private static (DateTimeOffset From, DateTimeOffset To) Valid()
    {
        var now = TimeProvider.System.GetUtcNow();
        return (now.AddDays(-1), now.AddDays(2));
    }

    private static X509Certificate2 Issuer(string subject, string file)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var (from, to) = Valid();
        var made = request.CreateSelfSigned(from, to);
        File.WriteAllText(file, made.ExportCertificatePem());
        return made;
    }

    private static void Issue(X509Certificate2 authority, string subject, string file, string? name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, false));
        if (name is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(name);
            request.CertificateExtensions.Add(names.Build());
        }
        var (from, to) = Valid();
        using var made = request.Create(authority, from, to.AddDays(-1), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText($"{file}.crt", made.ExportCertificatePem());
        File.WriteAllText($"{file}.key", key.ExportPkcs8PrivateKeyPem());
        // Both sides refuse a key that others may read.
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode($"{file}.key", UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
